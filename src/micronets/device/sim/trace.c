/* Counts the events of a simulated processor. unicorn calls the functions trace_... for each basic block and each
 * memory access. trace.py repeats the structs field by field: change both together. The number of a block is its
 * address in half-words from the start of the flash. */
#include <stdint.h>

/* A fully associative cache in front of the flash, which replaces the least recently used line. */
struct cache {
    uint32_t lines;   /* number of lines; 0 if there is no cache */
    uint32_t shift;   /* log2 of the bytes of a line */
    uint32_t last;    /* the flash line that was accessed last */
    uint32_t *slots;  /* for each flash line, 1 + the slot that holds it; 0 if none does */
    uint32_t *tags;   /* for each slot, its flash line */
    uint64_t *stamps; /* for each slot, the time of its last use; 0 for an empty one */
    uint64_t *misses; /* for each layer, the number of cache misses */
};

/* The counts, and facts about the processor and the firmware. */
struct trace {
    uint64_t *keys;   /* hash table: layer (16 bits), the block before (24), the block that runs after it (24) */
    uint64_t *counts; /* for each entry of the table, its number of occurrences; 0 for an empty one */
    uint32_t *sizes;  /* for each half-word of the flash, the bytes of the block that begins there; 0 for none */
    uint32_t entries; /* entries of the hash table, a power of two */
    uint32_t used;    /* number of entries that are not empty */
    uint32_t base;    /* first address of the flash */
    uint32_t bytes;   /* size of the flash */
    uint32_t marker;  /* address of micronets_mark, whose argument is the layer that begins */
    uint32_t layers;  /* most layers; layer 0 is code outside all layers */
    uint32_t layer;   /* the layer that runs */
    uint32_t before;  /* the block that ran last; 0xffffff: none */
    uint32_t active;  /* 1 while events are counted, 0 before */
    uint32_t failed;  /* 1: the table is full; 2: code outside the flash; 3: a block has two sizes; 4: a layer is out of
                        * range; 5: an access is not aligned */
    uint64_t clock;   /* accesses to lines so far */
    int32_t register_id;  /* unicorn's id of the register of a function's first argument */
    int32_t condition_id; /* unicorn's id of the register with the state of conditional blocks; -1 for none */
    uint32_t condition;   /* its value outside such a block; trace.py explains why it is written */
    int32_t (*read_register)(void *processor, int32_t id, void *value);        /* uc_reg_read */
    int32_t (*write_register)(void *processor, int32_t id, const void *value); /* uc_reg_write */
    struct cache instructions, data;
};

/* Accesses the line of a cache that holds the byte `offset` of the flash, and counts a miss. */
static void touch(struct trace *t, struct cache *c, uint32_t offset)
{
    const uint32_t line = offset >> c->shift;
    if (line == c->last) {
        return;
    }
    c->last = line;
    t->clock++;
    if (c->slots[line]) {
        c->stamps[c->slots[line] - 1] = t->clock;
        return;
    }
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < c->lines; i++) {
        if (c->stamps[i] < c->stamps[oldest]) {
            oldest = i;
        }
    }
    if (c->stamps[oldest]) {
        c->slots[c->tags[oldest]] = 0;
    }
    c->tags[oldest] = line;
    c->stamps[oldest] = t->clock;
    c->slots[line] = oldest + 1;
    c->misses[t->layer]++;
}

/* Counts a basic block of `size` bytes that is about to run. user: the struct trace. */
void trace_block(void *processor, uint64_t address, uint32_t size, void *user)
{
    struct trace *t = user;
    if (!t->active) {
        return;
    }
    const uint32_t offset = (uint32_t)address - t->base;
    if (offset >= t->bytes) {
        t->failed = 2;
        return;
    }
    if ((uint32_t)address == t->marker) {
        uint32_t index = 0;
        t->read_register(processor, t->register_id, &index);
        if (index + 1 >= t->layers) {
            t->failed = 4;
        } else {
            t->layer = index + 1;
        }
    }
    const uint32_t block = offset >> 1;
    if (t->sizes[block] && t->sizes[block] != size) {
        t->failed = 3;
    }
    t->sizes[block] = size;
    const uint64_t key = (uint64_t)t->layer << 48 | (uint64_t)t->before << 24 | block;
    uint32_t at = (uint32_t)((key * 0x9E3779B97F4A7C15u) >> 40) & (t->entries - 1);
    while (t->counts[at] && t->keys[at] != key) {
        at = (at + 1) & (t->entries - 1);
    }
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
    if (t->instructions.lines) {
        for (uint32_t o = offset; o < offset + size; o = ((o >> t->instructions.shift) + 1) << t->instructions.shift) {
            touch(t, &t->instructions, o);
        }
    }
}

/* Counts a read of constants in flash. user: the struct trace. */
void trace_read(void *processor, int32_t type, uint64_t address, int32_t size, int64_t value, void *user)
{
    struct trace *t = user;
    const uint32_t offset = (uint32_t)address - t->base;
    (void)type, (void)size, (void)value;
    if (t->condition_id >= 0) {
        t->write_register(processor, t->condition_id, &t->condition);
    }
    if (t->active && t->data.lines && offset < t->bytes) {
        touch(t, &t->data, offset);
    }
}

/* Records a memory access at an address that is not a multiple of its size. user: the struct trace. */
void trace_alignment(void *processor, int32_t type, uint64_t address, int32_t size, int64_t value, void *user)
{
    struct trace *t = user;
    (void)processor, (void)type, (void)value;
    if (t->active && address % (uint64_t)size) {
        t->failed = 5;
    }
}
