/* config_value.h - readers of numbers, sizes, times, switches and addresses as
 * people type them. Safe from any thread.
 */
#ifndef VTX_CONFIG_VALUE_H
#define VTX_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each returns false, with *ret_value untouched, for a text that is not
 * wholly of its kind or does not fit. */

/* Decimal digits. */
bool vtx_value_count(const char *text, uint64_t *ret_value);

/* Digits with KiB, MiB, GiB, or nothing, behind them. */
bool vtx_value_bytes(const char *text, uint64_t *ret_value);

/* Digits with ms, s, m or h behind them; in nanoseconds, below 2^63. */
bool vtx_value_duration(const char *text, uint64_t *ret_value);

/* true, 1, yes, on; false, 0, no, off. */
bool vtx_value_switch(const char *text, bool *ret_value);

/* True if text is HOST:PORT, [V6]:PORT or unix:PATH in form. */
bool vtx_value_is_address(const char *text);

/* The host of HOST:PORT, [HOST]:PORT or HOST, without brackets: its bytes in
 * text. */
const char *vtx_value_host(const char *text, size_t *ret_size);

/* True for localhost, 127.0.0.0/8 and ::1. */
bool vtx_value_is_loopback(const char *host, size_t size);

#endif
