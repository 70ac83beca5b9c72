/* service_state.h - what the parts of the service share. Internal.
 *
 * Threads: each member says whose it is; nothing here is touched by two.
 */
#ifndef VTX_SERVICE_STATE_H
#define VTX_SERVICE_STATE_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/mailbox.h"
#include "base/slots.h"
#include "base/timers.h"
#include "service/batch/flow_table.h"
#include "service/batch/retry_budget.h"
#include "service/scheduler/scheduler.h"
#include "service/service.h"
#include "service/vertex/endpoint.h"

struct vtx_service {
  struct vtx_service_options options; /* constant */

  /* The crpc loop's: the calls that are being worked on, by id. */
  struct cb_slots sinks;
  bool shutdown_posted;

  /* The engine's. */
  struct vtx_scheduler scheduler;
  struct vtx_flow_table flows;
  struct vtx_retry_budget retries;
  uint64_t random;       /* of the delays between attempts */
  struct cb_link ending; /* flows that may be over, looked at each turn */
  struct cb_mail again;  /* wakes the engine when a slice was used up */
  bool again_posted;
  struct cb_timer wake;              /* a gate opens: makes a turn */
  struct cb_mail report;             /* on its way while report_posted */
  struct cb_mail shutdown;           /* the way there of: end everything */
  bool shutting_down;                /* no flow is taken in any more */
  char target_name[VTX_TARGET_ROOM]; /* scratch, of what is looked at now */

  /* Anybody's; relaxed, they publish nothing. */
  _Atomic size_t flow_count;
  _Atomic size_t job_count;
  _Atomic uint64_t job_total;
  _Atomic uint64_t retry_total;
  _Atomic uint64_t requeue_total;
  _Atomic uint64_t failover_total;
  _Atomic uint64_t retries_denied;
  _Atomic uint64_t retries_left;
  _Atomic bool report_posted;
};

#endif
