/* credential_internal.h - what the kinds of credentials share.
 *
 * Threads: safe from any.
 */
#ifndef VTX_VERTEX_CREDENTIAL_INTERNAL_H
#define VTX_VERTEX_CREDENTIAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* True if text is not empty and has only visible ASCII characters: what may
 * stand in a header and what keys and tokens are made of. */
bool vtx_credential_text_ok(const char *text);

/* Overwrites and frees a secret. NULL is fine. */
void vtx_credential_wipe(char *secret);

/* Reads up to room bytes of an open file, or to its end. Returns how many, -1
 * on failure. */
ssize_t vtx_credential_read(int file, char *bytes, size_t room);

#endif
