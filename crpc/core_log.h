/* core_log.h - what becomes of the C core's own log lines.
 *
 * The core writes to stderr as it likes, in its own format, and some of its
 * errors are a peer's to cause (a header that cannot be read). Here its lines
 * go through one hook: errors become one JSON object a line on stderr, at most
 * ten a second, all else is dropped. With GRPC_VERBOSITY set in the environment
 * the core's own logging is left alone, for those who debug it.
 *
 * Threads: safe from any; the hook is called from the core's threads.
 */
#ifndef CRPC_CORE_LOG_H
#define CRPC_CORE_LOG_H

/* Installs the hook. Fine to call again. */
void crpc_core_log_init(void);

#endif
