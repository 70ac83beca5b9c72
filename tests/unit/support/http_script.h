/* http_script.h - an HTTP/1.1 server that does just what a test tells it.
 *
 * One thread, any number of connections. Each request is read whole, matched
 * by a piece of its path, and answered by steps: raw bytes, waits, and ways to
 * break the connection. It checks nothing and adds nothing: what the client
 * gets is what the test wrote.
 *
 * Threads:   the functions are for the test's thread, counters for any.
 * Ownership: replies and their steps are borrowed until stop.
 */
#ifndef TEST_HTTP_SCRIPT_H
#define TEST_HTTP_SCRIPT_H

#include <stddef.h>

enum http_action {
  HTTP_END = 0, /* ready for the next request */
  HTTP_SEND,    /* size bytes at data (0: strlen), times over (0: once) */
  HTTP_DRIP,    /* the same, byte by byte in writes of their own */
  HTTP_WAIT,    /* ms */
  HTTP_GATHER,  /* until size requests have been under way at once; as the first
                   step only */
  HTTP_HANG,    /* never do anything more */
  HTTP_CLOSE,   /* regular end of the connection */
  HTTP_RESET,   /* RST */
};

struct http_step {
  enum http_action action;
  const char *data;
  size_t size;
  size_t times;
  int ms;
};

/* Steps as one writes them. */
#define SEND(text) \
  { .action = HTTP_SEND, .data = (text) }
#define SEND_TIMES(text, n) \
  { .action = HTTP_SEND, .data = (text), .times = (n) }
#define DRIP(text) \
  { .action = HTTP_DRIP, .data = (text) }
#define WAIT(milliseconds) \
  { .action = HTTP_WAIT, .ms = (milliseconds) }
#define GATHER(count) \
  { .action = HTTP_GATHER, .size = (count) }
#define HANG \
  { .action = HTTP_HANG }
#define CLOSE \
  { .action = HTTP_CLOSE }
#define RESET \
  { .action = HTTP_RESET }

#define HTTP_STEPS 12

struct http_reply {
  const char *path; /* a piece of the request line */
  int uses;         /* for so many requests, then the next match; 0: all */
  struct http_step steps[HTTP_STEPS];
};

struct http_counts {
  size_t accepted;  /* connections, ever */
  size_t open;      /* connections now */
  size_t requests;  /* read whole, ever */
  size_t busy;      /* requests under way now */
  size_t most_busy; /* at once */
  size_t abandoned; /* by the client, while under way */
};

struct http_script;

/* Starts a server on a free port of 127.0.0.1. Fails the test if it cannot. */
struct http_script *http_script_start(const struct http_reply *replies,
                                      size_t count);
void http_script_stop(struct http_script *script);

/* "http://127.0.0.1:PORT", valid until stop. */
const char *http_script_url(const struct http_script *script);

struct http_counts http_script_counts(struct http_script *script);

/* The bytes of the request read last, with a NUL behind them; the caller
 * frees it. */
char *http_script_last(struct http_script *script);

/* A whole answer of status 200 with that body, as text that must be freed. */
char *http_script_json(const char *body);

#endif
