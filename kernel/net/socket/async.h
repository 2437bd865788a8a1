/* SPDX-License-Identifier: MIT */
/*
 * async.h: socket calls for asynchronous I/O, beside those of socket.h. The guest's headers and
 * addresses are read once, before the call. No call waits: instead, a call returns -EAGAIN or
 * -EINPROGRESS, and the caller waits by its own means. Calls may sleep for other reasons, and
 * return 0, a number of bytes, or -errno. -ENOTSOCK: the file is not a socket. The caller holds a
 * reference to the file. Without MSG_DONTWAIT in the flags (accept: without O_NONBLOCK of the
 * file), a call returns an error that a blocking call would return at once, rather than -EAGAIN.
 */
#ifndef NESTLING_NET_ASYNC_H
#define NESTLING_NET_ASYNC_H

#include "kernel/net/socket/socket.h"

/* struct msghdr on x86-64. */
struct user_msghdr {
	u64 name;
	int namelen;
	u32 pad;
	u64 iov;
	u64 iovlen;
	u64 control;
	u64 controllen;
	u32 flags;
	u32 pad2;
};

/*
 * The header of a message, read once from the guest with the name and the vector that it points to,
 * but without the ancillary data.
 */
struct sock_header {
	/* address of the header in program memory */
	uaddr_t at;
	struct user_msghdr h;
	/* send, connect: the destination address; len 0: none */
	struct sockaddr_buf to;
	/* the array behind `iter`, or NULL; owned */
	struct uvec *vec;
	/* the payload not yet transferred; advanced by sending and receiving */
	struct iov_iter iter;
	/* out-of-band data was received */
	bool oob;
};

/*
 * Reads a header from the guest. @send: reads the destination address, too. Returns 0, -EFAULT,
 * -EINVAL, -EMSGSIZE or -ENOMEM. After 0 the caller must release @h.
 */
long sock_header_import(struct sock_header *h, uaddr_t umsg, bool send);
/* Reads an address of @addrlen bytes into h->to. Returns 0, -EINVAL or -EFAULT. */
int sock_header_name(struct sock_header *h, uaddr_t addr, int addrlen);
/* Frees h->vec. May be called again. */
void sock_header_release(struct sock_header *h);
/* Releases and frees @h, which was allocated by kmalloc() or is NULL. */
void sock_header_free(struct sock_header *h);

/* Do what shutdown(2) and listen(2) do. */
long sock_shutdown_file(struct file *f, int how);
long sock_listen_file(struct file *f, int backlog);
/*
 * Returns the value of FIONREAD, or with @out of SIOCOUTQ, in bytes. Returns -EOPNOTSUPP if the
 * family does not count these bytes or the file is not a socket, or another -errno.
 */
long sock_queued_file(struct file *f, bool out);
/* Does what setsockopt(2) does. @optval: in program memory. */
long sock_setsockopt_file(struct file *f, int level, int optname, uaddr_t optval, int optlen);
/*
 * Reads an option of SOL_SOCKET into @optval, which has @optlen bytes. Returns the length of the
 * value, -EOPNOTSUPP for another level, for SO_PEERGROUPS or if the file is not a socket, or
 * -errno.
 */
long sock_getsockopt_file(struct file *f, int level, int optname, uaddr_t optval, int optlen);
/*
 * Bind and connect to h->to; send and receive with the header @h. A partial transfer advances
 * h->iter for the next call.
 */
long sock_async_bind(struct file *f, struct sock_header *h);
long sock_async_connect(struct file *f, struct sock_header *h);
long sock_async_sendmsg(struct file *f, struct sock_header *h, u32 flags);
long sock_async_recvmsg(struct file *f, struct sock_header *h, u32 flags);
/*
 * Receives into one buffer of @len bytes in program memory: struct io_uring_recvmsg_out, the name,
 * the ancillary data, the payload. @h gives the room for the name and the ancillary data. Returns
 * the bytes of the buffer that are used, 0 at the end of a stream, -EFAULT if there is no room for
 * them, or -errno.
 */
long sock_async_recvmsg_out(
	struct file *f, struct sock_header *h, uaddr_t buf, size_t len, u32 flags);
/*
 * Sends the data of @it to address h->to; to the peer if @h is NULL or h->to is empty. Does not
 * advance *@it. Returns the number of bytes sent, or -errno.
 */
long sock_async_send(struct file *f, struct iov_iter *it, struct sock_header *h, u32 flags);
/*
 * Receives into the memory of @it. Does not advance *@it. Returns the number of bytes received, or
 * -errno.
 */
long sock_async_recv(struct file *f, const struct iov_iter *it, u32 flags);

#endif
