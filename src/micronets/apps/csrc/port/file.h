/* The file that replaces a sensor, on a computer or through a debugger. */
#ifndef APP_FILE_H
#define APP_FILE_H

#include <stdint.h>

/* Opens the file named on the command line. Returns 0, or a nonzero number if there is none. */
int32_t file_open(void);

/* Reads the next bytes. Returns the number of bytes read, which is smaller than `bytes` only at the end. */
int32_t file_read(void *to, int32_t bytes);

/* Closes the file. */
void file_close(void);

#endif
