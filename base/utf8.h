/* utf8.h - strict UTF-8, as RFC 3629 has it: no overlong forms, no surrogates,
 * nothing past U+10FFFF. Safe from any thread; keeps nothing.
 */
#ifndef CB_UTF8_H
#define CB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if the size bytes at data are well-formed. NUL bytes are well-formed. */
bool cb_utf8_valid(const char *data, size_t size);

/* The length of the longest prefix of at most max bytes that does not end
 * inside a character; for cutting text. */
size_t cb_utf8_cut(const char *data, size_t size, size_t max);

/* Writes size bytes from data to out (room for 3 * size + 1), replacing each
 * NUL and each malformed sequence by U+FFFD, and ends it with NUL. Returns the
 * new length and adds the number of NULs replaced to *nul_count (may be
 * NULL). */
size_t cb_utf8_clean(const char *data, size_t size, char *out,
                     size_t *nul_count);

#endif
