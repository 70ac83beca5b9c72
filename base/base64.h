/* base64.h - RFC 4648 base64, both alphabets. Safe from any thread.
 */
#ifndef CB_BASE64_H
#define CB_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of size bytes once encoded with padding. */
size_t cb_base64_encoded_size(size_t size);

/* Writes the encoding (standard alphabet, padded) of size bytes to out, which
 * has room for cb_base64_encoded_size(size). No NUL is added. */
void cb_base64_encode(const uint8_t *data, size_t size, char *out);

/* Most bytes that size characters can stand for. */
size_t cb_base64_decoded_room(size_t size);

/* Decodes size characters, standard or URL-safe alphabet, padding optional but
 * right where it is there, into out (room: cb_base64_decoded_room). False if
 * text is not base64; out is then unspecified. */
bool cb_base64_decode(const char *text, size_t size, uint8_t *out,
                      size_t *ret_size);

#endif
