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
#define URING_REGISTER_FILE_ALLOC_RANGE 25
#define URING_REGISTER_LAST 31 /* Linux 6.12 */
#define URING_REGISTER_USE_REGISTERED_RING (1U << 31)
#define URING_SETUP_NO_SQARRAY (1U << 16)
#define URING_FEAT_REG_REG_RING (1U << 13)
#define URING_FIXED_FD_NO_CLOEXEC 1U

#define URING_OP_READ_MULTISHOT 49
#define URING_OP_WAITID 50
#define URING_OP_FUTEX_WAIT 51
#define URING_OP_FUTEX_WAKE 52
#define URING_OP_FUTEX_WAITV 53
#define URING_OP_FIXED_FD_INSTALL 54
#define URING_OP_FTRUNCATE 55
#define URING_OP_BIND 56
#define URING_OP_LISTEN 57
#define URING_OP_LAST 58 /* Linux 6.12 */

#define SOCKET_CMD_SIOCINQ 0
#define SOCKET_CMD_SIOCOUTQ 1
#define SOCKET_CMD_GETSOCKOPT 2
#define SOCKET_CMD_SETSOCKOPT 3

/* struct io_uring_file_index_range */
struct uring_file_range {
	u32 off, len;
	u64 resv;
};

#endif
