/* SPDX-License-Identifier: MIT */
/*
 * line.c: delays a switch's frames, and captures them in pcap's format (libpcap's savefile,
 * version 2.4).
 *
 * Waiting frames are in a list sorted by due time, since with jitter a frame may overtake another.
 * Bounds: HELD_MAX frames, HELD_BYTES in total. Further frames are lost.
 */
#include "tools/nestctl/switch/switch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "tools/nestctl/core/nestctl.h"

#define HELD_MAX 65536
#define HELD_BYTES (256UL << 20)
#define DELAY_MAX 60000.0 /* ms */

/* A frame that is held until @due, in a list sorted by it. */
struct held {
	struct held *next, *prev;
	double due; /* ms */
	int port;
	uint32_t len;
	uint8_t frame[];
};
static struct held held = { &held, &held, 0, 0, 0 };
static unsigned long nr_held, held_bytes;
static double delay, jitter; /* ms */

static FILE *capture;
static const char *capture_path;

/* ---- delay ---- */

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

bool line_set_delay(const char *text)
{
	char *end;

	delay = strtod(text, &end);
	if (end != text && *end == ',') {
		text = end + 1;
		jitter = strtod(text, &end);
	}
	return end != text && !*end && delay >= 0 && delay <= DELAY_MAX && jitter >= 0 &&
	       jitter <= delay;
}

bool line_has_delay(void)
{
	return delay > 0;
}

/* Removes the frame from the list and frees it. */
static void drop(struct held *h)
{
	h->prev->next = h->next;
	h->next->prev = h->prev;
	nr_held--;
	held_bytes -= h->len;
	free(h);
}

void line_hold(int port, const struct iovec *iov, int n)
{
	struct held *h, *at;
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (nr_held >= HELD_MAX || held_bytes + len > HELD_BYTES)
		return;
	h = malloc(sizeof(*h) + len);
	if (!h)
		return;
	h->port = port;
	h->len = 0;
	for (int i = 0; i < n; h->len += (uint32_t)iov[i++].iov_len)
		memcpy(h->frame + h->len, iov[i].iov_base, iov[i].iov_len);
	h->due = now_ms() + delay + (2 * drand48() - 1) * jitter;
	for (at = held.prev; at != &held && at->due > h->due; at = at->prev)
		;
	h->prev = at;
	h->next = at->next;
	h->next->prev = h;
	at->next = h;
	nr_held++;
	held_bytes += h->len;
}

void line_forget(int port)
{
	for (struct held *h = held.next, *next; h != &held; h = next) {
		next = h->next;
		if (h->port == port)
			drop(h);
	}
}

int line_release(void (*give)(int port, const void *frame, uint32_t len))
{
	double now = now_ms();

	while (held.next != &held && held.next->due <= now) {
		give(held.next->port, held.next->frame, held.next->len);
		drop(held.next);
	}
	return held.next == &held ? -1 : (int)(held.next->due - now) + 1;
}

/* ---- capture ---- */

static void capture_failed(void)
{
	warn("--pcap %s: %s; the capture ends", capture_path, strerror(errno));
	fclose(capture);
	capture = NULL;
}

void capture_begin(const char *path)
{
	static const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, FRAME_MAX, 1 };

	capture_path = path;
	capture = create_private(path);
	if (!capture || fwrite(head, sizeof(head), 1, capture) != 1 || fflush(capture))
		die("--pcap %s: %s", path, strerror(errno));
}

int capture_fd(void)
{
	return capture ? fileno(capture) : -1;
}

void capture_frame(const uint8_t *frame, uint32_t len)
{
	struct timeval now;
	uint32_t head[4];

	if (!capture)
		return;
	gettimeofday(&now, NULL);
	head[0] = (uint32_t)now.tv_sec;
	head[1] = (uint32_t)now.tv_usec;
	head[2] = head[3] = len;
	if (fwrite(head, sizeof(head), 1, capture) != 1 || fwrite(frame, len, 1, capture) != 1)
		capture_failed();
}

void capture_flush(void)
{
	if (capture && fflush(capture))
		capture_failed();
}
