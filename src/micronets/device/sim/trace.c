/* Counts what a simulated processor does: called by the simulator for each basic block and each read of constants.
   `struct trace` is mirrored, field by field, in trace.py. */
#include <stdint.h>

struct cache {
    uint32_t lines;   /* 0: no cache */
    uint32_t shift;   /* log2 of the bytes of a line */
    uint32_t last;    /* line of the last access */
    uint32_t *slots;  /* by line of the flash: its slot + 1, or 0 */
    uint32_t *tags;   /* by slot: its line */
    uint64_t *stamps; /* by slot: when it was used last */
    uint64_t *misses; /* by layer */
};

struct trace {
    uint64_t *keys;    /* hash table of edges: layer, block before, block, as 16 + 24 + 24 bits */
    uint64_t *counts;  /* of those edges */
    uint32_t *sizes;   /* of blocks, by half-word of the flash */
    uint32_t entries;  /* of the hash table, a power of two */
    uint32_t used;
    uint32_t base;     /* address of the flash */
    uint32_t bytes;    /* of the flash */
    uint32_t marker;   /* address of the function that tells the layer */
    uint32_t layers;
    uint32_t layer;
    uint32_t before;   /* block that ran last, in half-words; 0xffffff: none */
    uint32_t active;
    uint32_t failed;   /* 1: table full, 2: code outside the flash, 3: a block of two sizes, 4: a layer out of range, 5: misaligned */
    uint64_t clock;
    int32_t register_id;
    int32_t (*read_register)(void *processor, int32_t id, void *value);
    struct cache instructions, data;
};

static void touch(struct trace *t, struct cache *c, uint32_t offset) {
    const uint32_t line = offset >> c->shift;
    if (line == c->last) return;
    c->last = line;
    t->clock++;
    if (c->slots[line]) {
        c->stamps[c->slots[line] - 1] = t->clock;
        return;
    }
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < c->lines; i++)
        if (c->stamps[i] < c->stamps[oldest]) oldest = i;
    if (c->stamps[oldest]) c->slots[c->tags[oldest]] = 0;
    c->tags[oldest] = line;
    c->stamps[oldest] = t->clock;
    c->slots[line] = oldest + 1;
    c->misses[t->layer]++;
}

void trace_block(void *processor, uint64_t address, uint32_t size, void *user) {
    struct trace *t = user;
    if (!t->active) return;
    const uint32_t offset = (uint32_t)address - t->base;
    if (offset >= t->bytes) {
        t->failed = 2;
        return;
    }
    if ((uint32_t)address == t->marker) {
        uint32_t index = 0;
        t->read_register(processor, t->register_id, &index);
        if (index + 1 >= t->layers)
            t->failed = 4;
        else
            t->layer = index + 1;
    }
    const uint32_t block = offset >> 1;
    if (t->sizes[block] && t->sizes[block] != size) t->failed = 3;
    t->sizes[block] = size;
    const uint64_t key = (uint64_t)t->layer << 48 | (uint64_t)t->before << 24 | block;
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 40) & (t->entries - 1);
    while (t->counts[at] && t->keys[at] != key) at = (at + 1) & (t->entries - 1);
    if (!t->counts[at]) {
        if (++t->used > t->entries / 2) {
            t->failed = 1;
            t->used = t->entries / 2;
            return;
        }
        t->keys[at] = key;
    }
    t->counts[at]++;
    t->before = block;
    if (t->instructions.lines)
        for (uint32_t o = offset; o < offset + size; o = ((o >> t->instructions.shift) + 1) << t->instructions.shift)
            touch(t, &t->instructions, o);
}

void trace_read(void *processor, int32_t type, uint64_t address, int32_t size, int64_t value, void *user) {
    struct trace *t = user;
    const uint32_t offset = (uint32_t)address - t->base;
    (void)processor, (void)type, (void)size, (void)value;
    if (t->active && t->data.lines && offset < t->bytes) touch(t, &t->data, offset);
}

void trace_alignment(void *processor, int32_t type, uint64_t address, int32_t size, int64_t value, void *user) {
    struct trace *t = user;
    (void)processor, (void)type, (void)value;
    if (t->active && address % (uint64_t)size) t->failed = 5;
}
