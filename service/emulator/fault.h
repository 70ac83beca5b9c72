/* fault.h - turns a reply into what an upstream in trouble would send.
 *
 * Threads: none inside. Ownership: all is from the arena.
 */
#ifndef VTX_EMULATOR_FAULT_H
#define VTX_EMULATOR_FAULT_H

#include <stdbool.h>

#include "service/emulator/knobs.h"
#include "service/emulator/render.h"

struct cb_arena;
struct vtx_emu_reply;

/* True if the fault takes the place of any answer (an HTTP error, a hang ...),
 * so that none need be made. */
bool vtx_emu_fault_replaces(enum vtx_emu_fault fault);

/* Makes *reply the fault: of one that replaces the answer wholly, of the others
 * by spoiling the reply that is there. Faults of the answer's content are
 * render.h's. False when the arena is used up. */
bool vtx_emu_fault_apply(struct cb_arena *arena,
                         const struct vtx_emu_knobs *knobs,
                         enum vtx_emu_framing framing, const char *path,
                         struct vtx_emu_reply *reply);

#endif
