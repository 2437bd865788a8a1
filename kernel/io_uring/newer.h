/* SPDX-License-Identifier: MIT */
/*
 * newer.h: numbers of io_uring's interface that are newer than the headers we build with (Linux 6.2 to 6.12), by Linux's names.
 */
#ifndef NESTLING_IO_URING_NEWER_H
#define NESTLING_IO_URING_NEWER_H

#define URING_CQE_F_BUF_MORE (1U << 4)
#define URING_ACCEPT_DONTWAIT 2U
#define URING_ACCEPT_POLL_FIRST 4U
#define URING_PBUF_RING_MMAP 1U
#define URING_PBUF_RING_INC 2U
#define URING_OFF_PBUF_RING 0x80000000UL
#define URING_OFF_PBUF_SHIFT 16
#define URING_OFF_MASK 0xf8000000UL
#define URING_REGISTER_PBUF_STATUS 26
#define URING_REGISTER_LAST 28 /* Linux 6.12: _NAPI and its kin come before it */

#endif
