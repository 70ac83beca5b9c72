/* shutdown.h - the end of all flows, when the process will wait no longer.
 *
 * What is done is delivered; all else fails with SERVER_SHUTTING_DOWN, and so
 * does what comes later.
 *
 * Threads:   vtx_service_shut_down() (service.h) on the crpc loop, the rest on
 *            the engine.
 * Ownership: nothing.
 */
#ifndef VTX_SHUTDOWN_H
#define VTX_SHUTDOWN_H

#include <stdbool.h>

#include "base/mailbox.h"
#include "base/status.h"

/* Why a flow is not taken in, or ends. */
struct cb_status vtx_shutdown_refusal(void);

/* True if that is why. */
bool vtx_is_shutdown(const struct cb_status *status);

/* Delivers service->shutdown on the engine: aborts all flows. */
void vtx_shutdown_arrived(struct cb_mail *mail);

#endif
