/* SPDX-License-Identifier: MIT */
/* switch.h: between switch.c (ports and forwarding) and switch_line.c (what happens to frames that nobody wants to happen). */
#ifndef NESTLING_NESTCTL_SWITCH_H
#define NESTLING_NESTCTL_SWITCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define FRAME_MAX 65554 /* an MTU of 65480 with all headers and room for two tags */

/* --delay MS[,JITTER]: false when it is none. */
bool line_set_delay(const char *text);
bool line_has_delay(void);
/* Keeps a copy of a frame for @port until its time has come; loses it when too many are kept already. */
void line_hold(int port, const struct iovec *iov, int n);
/* The port has closed: what was held for it is lost. */
void line_forget(int port);
/* Gives out what is due. Milliseconds until the next one, -1: none is held. */
int line_release(void (*give)(int port, const void *frame, uint32_t len));

/* --pcap FILE, link type Ethernet. Dies with a line when it cannot be written. */
void capture_begin(const char *path);
/* A frame; when the file takes no more a line says so, once, and the capture ends. */
void capture_frame(const uint8_t *frame, uint32_t len);
void capture_flush(void);

#endif
