/* http_client.h - a client that says to a server just what a test tells it.
 *
 * Threads: safe from any, also those that must not fail an assertion.
 */
#ifndef TEST_HTTP_CLIENT_H
#define TEST_HTTP_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct cb_buf;

/* A socket that listens on a free port of loopback, and does not block. */
int http_listen(uint16_t *ret_port);

/* A connection to that port of loopback; -1 if there is none. */
int http_dial(uint16_t port);

/* False if the server does not take it any more. */
bool http_say(int fd, const char *text);

/* Reads what comes until the server closes, and closes fd. False if it did not
 * within 60 s. */
bool http_hear(int fd, struct cb_buf *ret_answer);

/* All three, with a GET of path. */
bool http_get(uint16_t port, const char *path, struct cb_buf *ret_answer);

#endif
