/* server.h - vertexd as a whole: makes the parts, runs them, takes them down.
 *
 * Order of birth: log, budget, emulator, credential, engine, crpc loop,
 * service, crpc server, signals, monitor, listeners. Order of the end: health
 * says NOT_SERVING; the listeners close and connections are told to go; running
 * calls end or, at the drain timeout, are cancelled; flows end with them; the
 * monitor stops, which until then answers scrapes; then the engine stops, the
 * loop, and the rest in reverse. What the monitor has asked the loops may come
 * to them as late as that: it reads nothing then, and the monitor is freed once
 * both are through.
 *
 * Threads:   the caller's becomes the crpc loop.
 * Ownership: config is borrowed.
 */
#ifndef VTX_SERVER_H
#define VTX_SERVER_H

struct vtx_config;

enum vtx_exit {
  VTX_EXIT_OK = 0,
  VTX_EXIT_FAILED = 1, /* could not start: address in use, out of memory */
  VTX_EXIT_WRONG = 2,  /* a flag or value is wrong */
};

/* Serves until a signal ends it. Prints "listening on ADDRESS" on stdout for
 * each address, then "metrics on URL" if there are any, and logs on stderr. */
enum vtx_exit vtx_server_run(const struct vtx_config *config);

#endif
