/* SPDX-License-Identifier: MIT */
/* internal.h: between socket.c, msg.c and sockopt.c. */
#ifndef NESTLING_NET_INTERNAL_H
#define NESTLING_NET_INTERNAL_H

#include "kernel/net/socket.h"
#include "kernel/task/signal.h"

/* The file of @fd with a reference, and its socket. ERR_PTR(-EBADF, -ENOTSOCK). */
struct file *sock_get(int fd, struct socket **s);
int sockaddr_from_user(struct sockaddr_buf *a, uaddr_t ua, int len);
int sockaddr_to_user(const struct sockaddr_buf *a, uaddr_t ua, uaddr_t ulen);
/* net.core.rmem_max and wmem_max: what SO_RCVBUF and SO_SNDBUF may ask for */
extern int sysctl_rmem_max, sysctl_wmem_max;
extern int unix_max_dgram_qlen; /* net.unix: datagrams in a socket's queue */
/* msg.c: gives up the references that came with a message. */
void msg_drop_files(struct msg *m);

#endif
