/* SPDX-License-Identifier: MIT */
/*
 * event.c: interrupt lines, kicks, and the event set that idle vCPUs sleep in.
 *
 *      os_irq_raise(irq)     sets the line's bit in the page that both worlds share, and kicks one
 *                            vCPU, unless some vCPU will read the bit anyway
 *      os_idle(cpu, t)       the first idle vCPU owns the event set and waits for it, the others on
 *                            their kicked word
 *      os_event_poll(cpu)    a busy vCPU polls the set
 *
 * The vCPU that waits for the set also sets the bit of a ready fd's line: no other thread is
 * involved.
 *
 * An event that the owner receives for another idle vCPU costs two wake-ups. When that happens
 * several times in a row for one vCPU, that vCPU becomes the heir: it takes over the set when it
 * goes idle.
 *
 * A wake-up from another CPU takes as long as the work of a small packet. So when recent events
 * came soon after the owner went idle, it polls for a while before it sleeps (poll_first). It polls
 * only if the host has CPUs to spare (room_to_poll), and stops when another program takes its CPU.
 *
 * Invariants:
 * 1. owner is a vCPU in os_idle() or os_event_poll(), or -1. Only the owner waits for the set.
 * 2. The thread that writes kicked from 0 to 1 sends the kick; a thread that finds 1 relies on
 *    that. A vCPU reads kicked after it has published its state or become the owner, so a kick that
 *    was sent too early is seen.
 * 3. Until the heir has taken over or given up, no other vCPU becomes the owner. An heir that gives
 *    up tries once more as an ordinary vCPU.
 *
 * Locks: none. The words of struct os_irq_page, owner and heir are atomic, each step ordered by a
 * full barrier.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "os-linux/internal.h"

#define KICK_EVENT (~(uint64_t)0)
#define EVENTS_AT_ONCE 32
#define HEIR_AFTER 8 /* events for one vCPU in a row */
/*
 * How often the heir checks whether the owner has released the set. All checks together take as
 * long as a wake-up. On a busy host it is better for the heir to sleep and take over later.
 */
#define HEIR_TRIES 50

#define POLL_NS 80000 /* ns that the owner polls at most */
/* ns after the owner goes idle, the wake-up included: polling pays for events that come so soon */
#define POLL_SOON 150000
#define POLL_AFTER 8 /* soon events before the owner polls */
/* ns: a poll that takes longer means that another program has the CPU */
#define POLL_LOST_NS 15000
/* events until the owner polls again after it has lost the CPU; doubles each time */
#define POLL_PAUSE 64
#define POLL_PAUSE_MAX 16384
/* after so many successful polls since a pause, the next pause is POLL_PAUSE again */
#define POLL_WELL 1000

static struct os_irq_page *page; /* set once by os_irq_setup() */
static int ncpus;
static int event_set = -1, kick_fd = -1;
static int owner = -1;
static int heir = -1;
static struct { /* guesses: an error costs one wake-up */
	/* 1: the owner has received an event that has not yet woken another vCPU */
	int taken;
	/* the vCPU that the owner woke last for an event, and how many times in a row */
	int whom, often;
} served = { .whom = -1 };
/*
 * True if the vCPU was the owner while idle and has not polled the set since. Accessed by that vCPU
 * only.
 */
static uint8_t owned[OS_MAX_CPUS];
static struct {
	int host_cpus;
	/* short waits in a row; negative: events until the end of a pause */
	int soon;
	int pause; /* length of the last pause */
	int well;  /* successful polls since that pause */
} polling;         /* accessed by the owner only */
static void (*kicker)(int cpu);

void os_kicker_set(void (*kick)(int cpu))
{
	__atomic_store_n(&kicker, kick, __ATOMIC_RELEASE);
}

/*
 * Makes the event set, and the eventfd of kicks. That is edge-triggered, so it need never be read.
 */
int os_irq_setup(struct os_irq_page *p, int n)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = KICK_EVENT };

	event_set = epoll_create1(EPOLL_CLOEXEC);
	if (event_set < 0)
		return os_refused("epoll_create1", errno);
	kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (kick_fd < 0)
		return os_refused("eventfd2", errno);
	if (epoll_ctl(event_set, EPOLL_CTL_ADD, kick_fd, &ev))
		return os_refused("epoll_ctl", errno);
	ncpus = n;
	polling.host_cpus = os_ncpus();
	__atomic_store_n(&page, p, __ATOMIC_RELEASE);
	return 0;
}

int os_event_add(int fd, uint32_t events, int irq)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT, .data.u64 = irq };

	return epoll_ctl(event_set, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int os_event_add_edge(int fd, uint32_t events, int irq)
{
	struct epoll_event ev = { .events = events | EPOLLET, .data.u64 = irq };

	return epoll_ctl(event_set, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

int os_event_rearm(int fd, uint32_t events, int irq)
{
	struct epoll_event ev = { .events = events | EPOLLONESHOT, .data.u64 = irq };

	return epoll_ctl(event_set, EPOLL_CTL_MOD, fd, &ev) ? -errno : 0;
}

void os_event_del(int fd)
{
	epoll_ctl(event_set, EPOLL_CTL_DEL, fd, NULL);
}

int os_cpu_state(int cpu)
{
	return __atomic_load_n(&page->cpu[cpu].state, __ATOMIC_SEQ_CST);
}

/* Notes that the owner has woken @cpu, perhaps for an event that it has just taken. */
static void note_served(int cpu)
{
	int same = __atomic_load_n(&served.whom, __ATOMIC_RELAXED) == cpu;

	if (!__atomic_exchange_n(&served.taken, 0, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&served.whom, cpu, __ATOMIC_RELAXED);
	__atomic_store_n(&served.often,
		same ? __atomic_load_n(&served.often, __ATOMIC_RELAXED) + 1 : 1, __ATOMIC_RELAXED);
}

void os_cpu_kick(int cpu)
{
	uint32_t *kicked = &page->cpu[cpu].kicked;
	void (*kick)(int cpu);
	uint64_t one = 1;

	if (__atomic_exchange_n(kicked, 1, __ATOMIC_SEQ_CST))
		return;
	switch (os_cpu_state(cpu)) {
	case OS_CPU_GUEST:
		kick = __atomic_load_n(&kicker, __ATOMIC_ACQUIRE);
		if (kick)
			kick(cpu);
		break;
	case OS_CPU_IDLE:
		if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != cpu) {
			note_served(cpu);
			os_futex_wake(kicked, 1);
		} else if (write(kick_fd, &one, sizeof(one)) < 0)
			return; /* the counter is full: readable already */
		break;
	}
}

/*
 * Returns the vCPU to kick for an interrupt, or -1 if none has to be: a vCPU in kernel code comes
 * to a boundary by itself. Prefers idle vCPUs, the owner of the set first, to vCPUs in guest code.
 */
static int choose_cpu(void)
{
	int idle = -1, guest = -1;

	for (int i = 0; i < ncpus; i++) {
		switch (os_cpu_state(i)) {
		case OS_CPU_KERNEL: return -1;
		case OS_CPU_IDLE:
			if (idle < 0 || __atomic_load_n(&owner, __ATOMIC_RELAXED) == i)
				idle = i;
			break;
		case OS_CPU_GUEST:
			if (guest < 0)
				guest = i;
			break;
		}
	}
	return idle >= 0 ? idle : guest;
}

/* Sets the line's pending bit. Returns true if it was not set before. */
static int set_pending(int irq)
{
	uint64_t bit = (uint64_t)1 << (irq % 64);

	return !(__atomic_fetch_or(&page->pending[irq / 64], bit, __ATOMIC_SEQ_CST) & bit);
}

void os_irq_raise(int irq)
{
	int cpu;

	if (irq < 0 || irq >= OS_MAX_IRQS || !__atomic_load_n(&page, __ATOMIC_ACQUIRE) ||
		!set_pending(irq))
		return;
	cpu = choose_cpu();
	if (cpu >= 0)
		os_cpu_kick(cpu);
}

void os_kick_guests(void)
{
	if (!__atomic_load_n(&page, __ATOMIC_ACQUIRE))
		return;
	for (int i = 0; i < ncpus; i++)
		if (os_cpu_state(i) == OS_CPU_GUEST)
			os_cpu_kick(i);
}

/*
 * Waits with epoll_pwait2(), or on hosts before Linux 5.11 with epoll_wait(), which counts
 * milliseconds, and for at most 100 s. Returns the number of events, or -1 with errno set.
 */
static int wait_events(struct epoll_event *ev, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };
	int n = epoll_pwait2(event_set, ev, EVENTS_AT_ONCE, ns == OS_FOREVER ? NULL : &ts, NULL);
	uint64_t ms;

	if (n >= 0 || errno != ENOSYS)
		return n;
	ms = ns == OS_FOREVER ? 0 : (ns + 999999) / 1000000;
	return epoll_wait(event_set, ev, EVENTS_AT_ONCE,
		ns == OS_FOREVER ? -1 :
		ms > 100000      ? 100000 :
				   (int)ms);
}

static void note_events(const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == KICK_EVENT)
			continue;
		set_pending((int)ev[i].data.u64);
		/* If the last event has woken no other vCPU, the row ends. */
		if (__atomic_exchange_n(&served.taken, 1, __ATOMIC_RELAXED))
			__atomic_store_n(&served.often, 0, __ATOMIC_RELAXED);
	}
}

/* Receives events as the owner, waiting at most @ns. Returns how many, or -1 (a signal). */
static int take_events(uint64_t ns)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	int n = wait_events(ev, ns);

	note_events(ev, n);
	return n;
}

static int become_owner(int cpu)
{
	int nobody = -1, next = __atomic_load_n(&heir, __ATOMIC_SEQ_CST);

	if (next >= 0 && next != cpu)
		return 0;
	return __atomic_compare_exchange_n(
		&owner, &nobody, cpu, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int is_kicked(int cpu)
{
	return __atomic_load_n(&page->cpu[cpu].kicked, __ATOMIC_SEQ_CST) != 0;
}

/*
 * Makes @cpu, which goes idle, the owner in place of the present one, if the last HEIR_AFTER events
 * were for it. Returns true if it has become the owner.
 */
static int take_over(int cpu)
{
	int nobody = -1, was = __atomic_load_n(&owner, __ATOMIC_SEQ_CST), mine = 0;

	if (__atomic_load_n(&served.whom, __ATOMIC_RELAXED) != cpu ||
		__atomic_load_n(&served.often, __ATOMIC_RELAXED) < HEIR_AFTER)
		return 0;
	__atomic_store_n(&served.often, 0, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(
		    &heir, &nobody, cpu, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return 0;
	if (was >= 0)
		os_cpu_kick(was);
	for (int i = 0; i < HEIR_TRIES && !mine && !is_kicked(cpu); i++) {
		mine = become_owner(cpu);
		if (!mine)
			sched_yield();
	}
	__atomic_store_n(&heir, -1, __ATOMIC_SEQ_CST);
	return mine || become_owner(cpu);
}

static int has_pending(void)
{
	for (size_t i = 0; i < OS_MAX_IRQS / 64; i++)
		if (__atomic_load_n(&page->pending[i], __ATOMIC_SEQ_CST))
			return 1;
	return 0;
}

/* ---- polling before sleeping ---- */

/*
 * True if the host has CPUs to spare: one for this vCPU, one for the sender of its events, and two
 * for every other vCPU that is not idle (its thread and its runner).
 */
static int room_to_poll(int cpu)
{
	int need = 2;

	for (int i = 0; i < ncpus; i++)
		if (i != cpu && os_cpu_state(i) != OS_CPU_IDLE)
			need += 2;
	return need <= polling.host_cpus;
}

static void lost_the_cpu(void)
{
	int pause = 2 * polling.pause;

	polling.pause = pause < POLL_PAUSE     ? POLL_PAUSE :
			pause > POLL_PAUSE_MAX ? POLL_PAUSE_MAX :
						 pause;
	polling.soon = -polling.pause;
	polling.well = 0;
}

/*
 * Polls for events. True if an event or a kick has come or the deadline is over; false if the owner
 * should sleep.
 */
static int poll_first(int cpu, uint64_t deadline)
{
	uint64_t start = os_clock_mono(), was = start, now;

	for (;;) {
		if (take_events(0) || is_kicked(cpu) || has_pending()) {
			if (++polling.well > POLL_WELL)
				polling.pause = POLL_PAUSE / 2;
			return 1;
		}
		now = os_clock_mono();
		if (now >= deadline)
			return 1;
		if (now - was > POLL_LOST_NS) {
			lost_the_cpu();
			return 0;
		}
		if (now - start > POLL_NS)
			return 0;
		was = now;
	}
}

/* Updates the guess about the next wait, after one that began at @start and got @events. */
static void learn(uint64_t start, int events)
{
	if (polling.soon < 0)
		polling.soon += events > 0;
	else if (events > 0 && os_clock_mono() - start < POLL_SOON)
		polling.soon += polling.soon < POLL_AFTER;
	else
		polling.soon = 0;
}

/* Waits as the owner, until an event, a kick or @deadline. */
static void wait_as_owner(int cpu, uint64_t deadline)
{
	uint64_t start = os_clock_mono(), ns = deadline == OS_FOREVER ? OS_FOREVER : 0;

	if (start >= deadline)
		return;
	if (polling.soon >= POLL_AFTER && room_to_poll(cpu) && poll_first(cpu, deadline))
		return;
	if (deadline != OS_FOREVER)
		ns = deadline - start;
	learn(start, take_events(ns));
}

void os_idle(int cpu, uint64_t deadline)
{
	uint32_t *kicked = &page->cpu[cpu].kicked;

	if (!become_owner(cpu) && !take_over(cpu)) {
		os_futex_wait(kicked, 0, deadline);
		return;
	}
	owned[cpu] = 1;
	if (!is_kicked(cpu) && !has_pending())
		wait_as_owner(cpu, deadline);
	__atomic_store_n(&owner, -1, __ATOMIC_SEQ_CST);
}

/*
 * Polls the set if it has no owner. If another vCPU is idle, kicks that vCPU instead, so that it
 * becomes the owner. But if @cpu has been the owner while idle since its last poll, @cpu polls.
 */
int os_event_poll(int cpu)
{
	if (__atomic_load_n(&owner, __ATOMIC_SEQ_CST) != -1)
		return 1;
	for (int i = 0; i < ncpus && !owned[cpu]; i++) {
		if (i != cpu && os_cpu_state(i) == OS_CPU_IDLE) {
			os_cpu_kick(i);
			return 0;
		}
	}
	owned[cpu] = 0;
	if (!become_owner(cpu))
		return 0;
	take_events(0);
	__atomic_store_n(&owner, -1, __ATOMIC_SEQ_CST);
	return 0;
}
