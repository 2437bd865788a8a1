/* SPDX-License-Identifier: MIT */
/* internal.h: what socket.c, msg.c and sockopt.c of socket/ share. */
#ifndef NESTLING_NET_INTERNAL_H
#define NESTLING_NET_INTERNAL_H

#include "kernel/net/socket/socket.h"
#include "kernel/task/signal/signal.h"

/*
 * Returns the file of @fd with a reference, and its socket in *@s. Fails with ERR_PTR(-EBADF) or
 * ERR_PTR(-ENOTSOCK). *@s is valid as long as the file.
 */
struct file *sock_get(int fd, struct socket **s);
/*
 * Reads an address of @len bytes from the program at @ua. May sleep. Returns 0, -EINVAL or -EFAULT.
 */
int sockaddr_from_user(struct sockaddr_buf *a, uaddr_t ua, int len);
/*
 * Writes an address to the program at @ua, cut to the room in *@ulen, and the address's full length
 * to *@ulen. May sleep. Returns 0, -EINVAL or -EFAULT.
 */
int sockaddr_to_user(const struct sockaddr_buf *a, uaddr_t ua, uaddr_t ulen);
/* net.core.rmem_max, wmem_max and optmem_max: limits of SO_RCVBUF, SO_SNDBUF and options, bytes */
extern int sysctl_rmem_max, sysctl_wmem_max, sysctl_optmem_max;
extern int unix_max_dgram_qlen; /* net.unix.max_dgram_qlen, datagrams */
/*
 * sockopt_long.c: Set and get those options of SOL_SOCKET whose value is not a plain int. @val of
 * sock_set_long() is in program memory, that of sock_get_long() a buffer of 256 bytes in the
 * kernel; *@len is the program's room, and becomes the length of the value. Both may sleep. Return
 * 0 or -errno, -ENOPROTOOPT for all other options.
 */
int sock_set_long(struct socket *s, int opt, uaddr_t val, u32 len);
int sock_get_long(struct socket *s, int opt, void *val, u32 *len);
/*
 * Serves SO_BINDTODEVICE and SO_BINDTOIFINDEX. @val: in program memory. May sleep. Returns 0,
 * -ENODEV, -EPERM, -EINVAL or -EFAULT.
 */
int sock_bind_device(struct sock_common *sk, int opt, uaddr_t val, u32 len);
/*
 * Serves SO_PEERGROUPS: writes the peer's supplementary groups to @val, which has @room bytes, and
 * their bytes to *@ulen, both in program memory. May sleep. Returns 0, -ERANGE if @room is too
 * small, -ENODATA without a peer's groups, or -EFAULT.
 */
int sock_peer_groups(struct socket *s, uaddr_t val, u32 room, uaddr_t ulen);
/*
 * Serves SO_PEERPIDFD: writes the number of a pidfd of the peer to @val, which has @room bytes, and
 * the bytes of the number to *@ulen unless it is 0, both in program memory. Then opens the pidfd.
 * May sleep. Returns the bytes, -ENODATA without a peer's process, -EFAULT, or another -errno.
 */
long sock_peer_pidfd(struct socket *s, uaddr_t val, u32 room, uaddr_t ulen);
/* Returns the value of SO_COOKIE, never 0; the first call chooses it. Takes no lock. */
u64 sock_cookie(struct sock_common *sk);
/*
 * Fills @n, an array of SK_MEMINFO_VARS, with the numbers that SO_MEMINFO and sock_diag report:
 * bytes, SK_MEMINFO_DROPS packets. @s may be NULL: then the family's own numbers are 0.
 */
void sock_meminfo(struct socket *s, struct sock_common *sk, u32 *n);
/*
 * Returns Linux's truesize of an skb with @n bytes in its head: a slab of a power of two that holds
 * the bytes and the skb's shared info, plus the sk_buff itself.
 */
static inline u32 skb_truesize_of(u32 n)
{
	u32 head = 512;

	while (head < n + 320)
		head *= 2;
	return 256 + head;
}
/* Constants that the build's kernel headers may lack. */
#define SOF_TIMESTAMPING_OPT_ID_TCP_ (1U << 16)
#define SCM_TS_OPT_ID_ 81
#define SCM_PIDFD_ 4
#define SO_PASSPIDFD_ 76
#define SO_PEERPIDFD_ 77
#define SO_RCVPRIORITY_ 82
#define SO_PASSRIGHTS_ 83
/*
 * msg.c: Frees all that a message holds: the references to files that came with it and to the
 * headers that it was to be sent with, and ctl_long.
 */
void msg_end(struct msg *m);

#endif
