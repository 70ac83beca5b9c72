/* access.h - whether a request has the credentials that are asked for.
 *
 * Threads: none inside. Ownership: errors are texts that live for ever.
 */
#ifndef VTX_EMULATOR_ACCESS_H
#define VTX_EMULATOR_ACCESS_H

#include <stdbool.h>

struct vtx_emu_error;
struct vtx_emu_request;
struct vtx_emu_responder;

/* False with *error filled in if it has not. Either credential will do if both
 * a token and a key are asked for. */
bool vtx_emu_check_access(const struct vtx_emu_responder *responder,
                          const struct vtx_emu_request *request,
                          struct vtx_emu_error *error);

#endif
