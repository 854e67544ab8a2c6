/* The application as a program on this computer: `app RECORDING`. */
#include <stdio.h>

#include "app.h"
#include "file.h"
#include "output.h"

static const char *path;
static FILE *recording;

int32_t file_open(void)
{
    recording = path == NULL ? NULL : fopen(path, "rb");
    return recording == NULL;
}

int32_t file_read(void *to, int32_t bytes)
{
    return (int32_t)fread(to, 1, (size_t)bytes, recording);
}

void file_close(void)
{
    fclose(recording);
}

void output_line(const char *text)
{
    puts(text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    path = argc > 1 ? argv[1] : NULL;
    return app_run() != 0;
}
