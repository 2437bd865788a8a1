/* SPDX-License-Identifier: MIT */
/*
 * state.h: saving the running instance to files, and going on from them in another host process.
 *
 * What a guest is lies in the arena and in physmem. What this host process is (skas, descriptors,
 * threads, sockets) is not saved: whatever owns such a thing makes it again. The life of a save:
 *
 *	state_save(dir)   on a kernel thread of vCPU 0
 *	  prepare()         of every part
 *	  the machine stops: every other vCPU waits at a boundary, outside of all spinlocks
 *	  quiet()           of every part, until no request is under way in the host
 *	  describe()        of every part
 *	  memory is written to DIR/memory
 *	  (state_save_held() only: the machine is held here until it may go on)
 *	  undescribe()      of every part
 *	  the machine goes on
 *	  finish()          of every part: the files are complete, but not yet on the disk
 *
 * and of a restore (nestling restore=DIR ...), in a new process with the same kernel:
 *
 *	memory is mapped as it was; the thread of state_save() goes on, on vCPU 0, alone
 *	  spaces, clocks and interrupts are set up
 *	  parameters that a restore may change are read again (umid=, con*, ssl*, ubd*, eth*)
 *	  rebuild()         of every part, in the order of the linker
 *	  the machine goes on
 *	  resumed()         of every part, when guest code may run again
 *	  connected()       of every part
 *
 * A restore with fresh=FD takes the state for a template (docs/state.md): the instance is like one
 * that has booted just now. Its clocks count from the template's boot, without the time between.
 *
 * Host objects that the guest's state names are handles (os_object_add() in os-linux/host.h), which
 * rebuild() fills again under the same number.
 */
#ifndef NESTLING_STATE_H
#define NESTLING_STATE_H

#include "kernel/lib/types.h"

/* A line that says why a part cannot be saved or made again, without a full stop. */
struct state_why {
	char text[400];
};

struct state_part {
	const char *name;
	/*
	 * Gets ready for describe(), for example by copying what does not change to the folder
	 * @dir. The machine runs; may sleep. Is called again if a save begins anew. Returns 0, or
	 * -errno with @why set: the save fails, and finish() follows.
	 */
	int (*prepare)(const char *dir, struct state_why *why);
	/*
	 * Says whether no request of this part is under way in the host. The machine is stopped: no
	 * spinlock is held anywhere, and the handlers of interrupt lines are run between two calls.
	 * It is asked again for some seconds, then the save fails. NULL: always quiet.
	 */
	bool (*quiet)(void);
	/*
	 * Puts what only the host half knows into the guest's memory, or into files of the folder
	 * @dir. The machine is stopped. No allocation, no sleep but in doors. Returns 0, or -errno
	 * with @why set: the save fails and the instance goes on. -EAGAIN: it begins anew, with
	 * prepare(). NULL: nothing to do, as below.
	 */
	int (*describe)(const char *dir, struct state_why *why);
	/*
	 * Undoes what describe() changed for this instance, before the machine goes on. @saved: the
	 * state has its memory; if not, describe() may not have been called.
	 */
	void (*undescribe)(bool saved);
	/*
	 * Completes the files of the state when the machine runs again or, if not @saved, drops
	 * what prepare() has made. May sleep; but not if @stopped, before the machine is held. Is
	 * called once in a save. Returns 0, or -errno with @why set: the save has failed.
	 */
	int (*finish)(bool saved, bool stopped, struct state_why *why);
	/*
	 * Is called when the machine, which is stopped, is about to be marked (state_mark()): what
	 * changes on the host from now on is taken back by put_back(), which is called in a stop
	 * before the machine's memory is what it was at the mark. Both return 0, or -errno with
	 * @why set. unmark() ends it, in a stop: the host is as at the mark, and what changes
	 * stays. It is called after a mark(), even one that failed.
	 */
	int (*mark)(struct state_why *why);
	int (*put_back)(struct state_why *why);
	void (*unmark)(void);
	/*
	 * Serve a rollback in place: note() is called behind rebuild() in a process that was put
	 * back by exec, and says whether the part can go back to what it has made there. go_back()
	 * is called instead of put_back(), in a stop: the host becomes what it was in note(), and
	 * resumed() and connected() follow. It returns 0, or -errno with @why set: then exec does
	 * all. NULL: true, and put_back().
	 */
	bool (*note)(void);
	int (*go_back)(const char *dir, struct state_why *why);
	/*
	 * Makes the host objects again, in the new process. The machine is stopped, as above.
	 * Returns 0, or -errno with @why set: the process ends with that line and status 1.
	 */
	int (*rebuild)(const char *dir, struct state_why *why);
	/*
	 * Is called when the machine runs again, in the new process. Runs on a kernel thread, may
	 * sleep.
	 */
	void (*resumed)(void);
	/*
	 * Is called after resumed() of every part: programs may hear of the outside now, and find
	 * all devices there.
	 */
	void (*connected)(void);
};

/* STATE_PART(ubd_state) = { .name = "ubd", ... }; collected by a linker section. */
#define STATE_PART(var)                                                                            \
	static const struct state_part var __used                                                  \
		__attribute__((section("state_parts"), aligned(8)))

/*
 * Saves the instance to the folder @dir, which exists and is empty. Sleeps until it is done.
 * Returns 0 with *@stopped set to the ns for which the machine stood still, or -errno with @why;
 * and, in each process that goes on from it, 1, after resumed() of every part. One at a time:
 * -EBUSY.
 */
int state_save(const char *dir, u64 *stopped, struct state_why *why);

/*
 * As above, but the machine stands still until @hold returns, once memory is written: it may call
 * doors only. @so_far: ns for which the machine has stood still. It is called in this process only,
 * and not if the save fails.
 */
int state_save_held(const char *dir, void (*hold)(u64 so_far), u64 *stopped, struct state_why *why);

/*
 * Going back in place: state_mark() marks the machine, as it is, and state_put_back() makes it what
 * it was then, in the time that the pages take which were written since. Host objects stay: so what
 * the host was told meanwhile is not taken back, except by disks.
 *
 * Both are called by a kernel thread that is bound to the first vCPU, and may sleep. state_mark()
 * returns 0; 1 each time that the machine was put back, with the machine running; or -errno with
 * @why. When the machine was put back and @is_last(), which may call doors only, is true, that was
 * the last time: what changes on the host from then on stays. state_put_back() returns only -errno
 * with @why. For @quiet see machine_put_back_begin().
 */
struct mm;
int state_mark(bool (*is_last)(void), struct state_why *why);
int state_put_back(const struct mm *quiet, struct state_why *why);

/*
 * Makes this process the instance that was saved in @dir. If it is that which it was last put back
 * to, and nothing prevents it, the machine goes back in place, as with state_put_back(). Else the
 * kernel executes itself again, with the same pid, descriptors and parameters, and restore=@dir.
 * Called by a kernel thread. Returns only on an error that is seen before; calls @begins before
 * each attempt.
 */
int state_rollback(const char *dir, void (*begins)(void *arg, bool in_place), void *arg,
	struct state_why *why);
/* The host's objects are others from now on: a rollback in place would not find them. */
void state_changed(void);

#endif
