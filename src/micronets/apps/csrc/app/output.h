/* Where lines of text go: one function, which the file of this project that knows the hardware defines. */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Shows a line.
 *
 * - text: ends with 0, without an end of line. */
void output_line(const char *text);

#ifdef __cplusplus
}
#endif

#endif
