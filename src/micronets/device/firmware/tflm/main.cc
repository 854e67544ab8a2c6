// Runs a network with TensorFlow Lite Micro in an endless loop. The simulator or emulator stops the processor in
// firmware_ready, to write an input, and in firmware_done, to read the output. TFLM reports every operator that it runs
// to its profiler; this profiler reports the start of each layer to the simulator.
#include <cstddef>
#include <cstdint>

#include "firmware.h"
#include "micronets_tflm.h"
#include "model_data.h"
#include "tensorflow/lite/micro/cortex_m_generic/debug_log_callback.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/micro/system_setup.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace
{

// The profiler. An operator that reports its parts separately counts as one layer; TFLM's work between operators
// belongs to no layer.
class Marks final : public tflite::MicroProfilerInterface
{
  public:
    uint32_t BeginEvent(const char *) override
    {
        if (depth_++ == 0) {
            micronets_mark(firmware_events < FIRMWARE_LAYERS ? firmware_events : FIRMWARE_LAYERS);
            firmware_events++;
        }
        return 0;
    }

    void EndEvent(uint32_t) override
    {
        if (--depth_ == 0) {
            micronets_mark(FIRMWARE_LAYERS);
        }
    }

  private:
    uint32_t depth_ = 0;
};

// Keeps the first line that TFLM logs, which states why it failed.
void KeepFirstLine(const char *text)
{
    if (firmware_log[0]) {
        return;
    }
    for (size_t i = 0; i + 1 < FIRMWARE_LOG_BYTES && text[i] && text[i] != '\n'; i++) {
        firmware_log[i] = text[i];
    }
}

// Sets up the model and runs it forever.
void Run()
{
    RegisterDebugLogCallback(KeepFirstLine);
    tflite::InitializeTarget();
    const tflite::Model *model = tflite::GetModel(micronets_model);
    static MicronetsOps ops;
    if (RegisterMicronetsOps(ops) != kTfLiteOk) {
        firmware_failed("TFLM could not register an operator of the model");
    }
    static Marks marks;
#if FIRMWARE_VARIABLES
    tflite::MicroAllocator *allocator = tflite::MicroAllocator::Create(firmware_arena, FIRMWARE_ARENA_BYTES);
    tflite::MicroResourceVariables *variables = tflite::MicroResourceVariables::Create(allocator, FIRMWARE_VARIABLES);
    static tflite::MicroInterpreter interpreter(model, ops, allocator, variables, &marks);
#else
    static tflite::MicroInterpreter interpreter(model, ops, firmware_arena, FIRMWARE_ARENA_BYTES, nullptr, &marks);
#endif
    if (interpreter.AllocateTensors() != kTfLiteOk) {
        firmware_failed("TFLM could not set the model up in its arena");
    }
    firmware_arena_used = interpreter.arena_used_bytes();
    TfLiteTensor *input = interpreter.input(0);
    const TfLiteTensor *output = interpreter.output(0);
    if (input->bytes != FIRMWARE_INPUT_BYTES || output->bytes != FIRMWARE_OUTPUT_BYTES) {
        firmware_failed("TFLM has other sizes of input and output");
    }
    for (;;) {
        firmware_events = 0;
        firmware_ready(input->data.raw);
        if (interpreter.Invoke() != kTfLiteOk) {
            firmware_failed("TFLM ends the inference with an error");
        }
        firmware_done(output->data.raw);
    }
}

} // namespace

int main()
{
    for (void (**constructor)() = firmware_init_begin; constructor < firmware_init_end; constructor++) {
        (*constructor)();
    }
    Run();
}
