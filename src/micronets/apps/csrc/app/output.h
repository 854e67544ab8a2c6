/* The output of text: one function, defined in this project's hardware-specific file. */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Shows a line of text.
 *
 * - text: zero-terminated, without a line break. */
void output_line(const char *text);

#ifdef __cplusplus
}
#endif

#endif
