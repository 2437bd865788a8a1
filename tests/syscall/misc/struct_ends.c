/* SPDX-License-Identifier: MIT */
/* The kernel fills padding of a structure, at its end and between its fields, with zeros. */
#include "t.h"

#include <asm/termbits.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static bool is_zero(const void *p, size_t n)
{
	const unsigned char *b = p;

	while (n && !*b)
		b++, n--;
	return !n;
}

#define END(s, field) ((char *)&(s)->field + sizeof((s)->field))
#define SAY(s, field)                                                                              \
	say(#s "." #field ": %d",                                                                  \
		is_zero(END(&s, field), (size_t)((char *)(&s + 1) - END(&s, field))))

TEST(struct_ends)
{
	struct termio {
		unsigned short iflag, oflag, cflag, lflag;
		unsigned char line, cc[8];
	} io;
	struct msginfo mi;
	struct msqid_ds ms;
	struct semid_ds se;
	struct shmid_ds sh;
	int id, tty = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));

	memset(&mi, 0x55, sizeof(mi));
	NEED(msgctl(0, IPC_INFO, (void *)&mi));
	SAY(mi, msgseg);
	memset(&mi, 0x55, sizeof(mi));
	NEED(msgctl(0, MSG_INFO, (void *)&mi));
	SAY(mi, msgseg);
	memset(&ms, 0x55, sizeof(ms));
	id = NEED(msgget(IPC_PRIVATE, 0600));
	NEED(msgctl(id, IPC_STAT, &ms));
	SAY(ms, msg_lrpid);
	NEED(msgctl(id, IPC_RMID, NULL));
	memset(&se, 0x55, sizeof(se));
	id = NEED(semget(IPC_PRIVATE, 1, 0600));
	NEED(semctl(id, 0, IPC_STAT, &se));
	SAY(se, sem_nsems);
	NEED(semctl(id, 0, IPC_RMID));
	memset(&sh, 0x55, sizeof(sh));
	id = NEED(shmget(IPC_PRIVATE, PAGE, 0600));
	NEED(shmctl(id, IPC_STAT, &sh));
	SAY(sh, shm_nattch);
	NEED(shmctl(id, IPC_RMID, NULL));
	memset(&io, 0x55, sizeof(io));
	NEED(ioctl(tty, TCGETA, &io));
	SAY(io, cc);
	close(tty);
}
