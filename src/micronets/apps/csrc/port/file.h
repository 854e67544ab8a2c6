/* The file that takes the place of a sensor, on a computer or through a debugger. */
#ifndef APP_FILE_H
#define APP_FILE_H

#include <stdint.h>

/* Opens the file that the command line names. Returns 0, or another number where there is none. */
int32_t file_open(void);

/* Reads the next bytes. Returns how many it read, fewer than asked only at the end. */
int32_t file_read(void *to, int32_t bytes);

/* Closes the file. */
void file_close(void);

#endif
