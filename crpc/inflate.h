/* inflate.h - gzip and zlib with a cap, for compressed messages.
 *
 * The C core inflates a message before it looks at its size, so 200 kB may
 * become 200 MB before anybody says no. crpc takes compressed messages as they
 * are and inflates them here, into a buffer that is born with its maximum.
 *
 * Threads:   safe from any; keeps nothing.
 * Ownership: out is the caller's, to be released by it whatever comes back.
 */
#ifndef CRPC_INFLATE_H
#define CRPC_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct cb_buf;

/* Inflates the size bytes at data, gzip or zlib ("deflate" in gRPC), and
 * appends to *out, which is never grown past its max. CB_OK; INVALID_ARGUMENT
 * with reason MALFORMED_REQUEST if the bytes are not that, end early or go on
 * after their end; RESOURCE_EXHAUSTED with reason REQUEST_TOO_LARGE if max is
 * reached, SERVER_MEMORY if budget or memory is used up. Texts are literals. */
struct cb_status crpc_inflate(const uint8_t *data, size_t size,
                              struct cb_buf *out);

/* Appends the gzip form of the size bytes at data to *out. False if it did not
 * fit or memory is used up; what stands in out is then of no use. */
bool crpc_deflate(const uint8_t *data, size_t size, struct cb_buf *out);

#endif
