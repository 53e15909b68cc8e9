"""The C half of `engine.base.schedule`: the baton, and the choice of who gets it.

Only schedule.py cimports this file: the state below exists once. In the ordinary build all of it is empty.
"""
from libc.stdint cimport uint32_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #ifndef ANOKURO_CHECKED
    #define ANOKURO_CHECKED 0
    #endif
    typedef struct { uint64_t seed, within, limit; uint32_t threads, changes, switch_of_256, verbose; } ank_plan_t;
    typedef struct { uint64_t steps, switches, hash; } ank_course_t;

    #if ANOKURO_CHECKED
    #include <Python.h>
    #include <errno.h>
    #include <pthread.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>
    enum { ANK_THREADS = 16, ANK_CHANGES = 16, ANK_TRACE = 256, ANK_POINTS = 64, ANK_PATIENCE_S = 20 };
    enum { ANK_ABSENT, ANK_RUNNABLE, ANK_BLOCKED, ANK_WAITING, ANK_DONE };
    typedef struct {
        int state;
        void *on;                 /* the mutex it is blocked on, or the condition it waits for */
        int64_t priority;
        pthread_cond_t wake;
    } ank_scheduled_t;
    static struct {
        pthread_mutex_t mutex;
        int active;
        int running;              /* index of the thread that has the baton; -1: nobody */
        uint32_t entered, done;
        ank_plan_t plan;
        ank_course_t course;
        uint64_t random;
        int64_t lowest;           /* below every priority */
        uint64_t change_at[ANK_CHANGES];
        ank_scheduled_t threads[ANK_THREADS];
        struct { uint8_t thread, point; } trace[ANK_TRACE];
    } ank_s = { .mutex = PTHREAD_MUTEX_INITIALIZER, .running = -1 };
    static __thread int ank_mine = -1;
    static const char *ank_names[ANK_POINTS];

    static int ank_scheduled(void) { return ank_mine >= 0 && __atomic_load_n(&ank_s.active, __ATOMIC_ACQUIRE); }

    static uint64_t ank_random(void) {            /* xorshift64* (Vigna, 2016) */
        uint64_t x = ank_s.random;
        x ^= x >> 12; x ^= x << 25; x ^= x >> 27;
        ank_s.random = x;
        return x * 0x2545F4914F6CDD1Dull;
    }
    static uint64_t ank_below(uint64_t n) { return (ank_random() >> 16) % n; }

    static void ank_show_step(uint64_t step) {
        const char *name = ank_names[ank_s.trace[step % ANK_TRACE].point];
        fprintf(stderr, "  %llu: thread %d %s\\n",
            (unsigned long long)step, ank_s.trace[step % ANK_TRACE].thread, name ? name : "?");
    }
    static void ank_stop(const char *why) {
        static const char *states[] = {"absent", "runnable", "blocked", "waiting", "done"};
        fprintf(stderr, "anokuro: schedule %llu: %s after %llu steps\\n",
            (unsigned long long)ank_s.plan.seed, why, (unsigned long long)ank_s.course.steps);
        for (uint32_t i = 0; i < ank_s.plan.threads; i++)
            fprintf(stderr, "  thread %u: %s on %p\\n", i, states[ank_s.threads[i].state], ank_s.threads[i].on);
        for (uint64_t i = ank_s.course.steps > 60 ? ank_s.course.steps - 60 : 0; i < ank_s.course.steps; i++)
            ank_show_step(i);
        fflush(stderr);
        abort();
    }
    /* Who goes on: -1 where nobody can. With priorities the highest one; else `me` until a coin says otherwise. */
    static int ank_choose(int me, int but) {
        int can[ANK_THREADS], count = 0, best = -1;
        for (int i = 0; i < (int)ank_s.plan.threads; i++) {
            if (i == but || ank_s.threads[i].state != ANK_RUNNABLE) continue;
            can[count++] = i;
            if (best < 0 || ank_s.threads[i].priority > ank_s.threads[best].priority) best = i;
        }
        if (count == 0 || ank_s.plan.changes) return best;
        if (me >= 0 && ank_s.threads[me].state == ANK_RUNNABLE && ank_below(256) >= ank_s.plan.switch_of_256) return me;
        return can[ank_below((uint64_t)count)];
    }
    static void ank_step(int me, int point) {
        ank_course_t *c = &ank_s.course;
        ank_s.trace[c->steps % ANK_TRACE].thread = (uint8_t)me;
        ank_s.trace[c->steps % ANK_TRACE].point = (uint8_t)point;
        c->hash = (c->hash ^ ((uint64_t)me << 8 | (uint64_t)point)) * 0x100000001B3ull;
        if (ank_s.plan.verbose) ank_show_step(c->steps);
        c->steps++;
        if (c->steps > ank_s.plan.limit) ank_stop("no end");
        for (uint32_t i = 0; i < ank_s.plan.changes; i++)
            if (ank_s.change_at[i] == c->steps) ank_s.threads[me].priority = --ank_s.lowest;
    }
    /* Give the baton to `next` and wait until it comes back. Mutex held; the GIL is given up meanwhile. */
    static void ank_pass(int me, int next) {
        PyThreadState *python = NULL;
        if (next == me) return;
        ank_s.course.switches++;
        ank_s.running = next;
        if (next >= 0) pthread_cond_signal(&ank_s.threads[next].wake);
        if (PyGILState_Check()) {
            pthread_mutex_unlock(&ank_s.mutex);
            python = PyEval_SaveThread();
            pthread_mutex_lock(&ank_s.mutex);
        }
        while (ank_s.running != me) {
            struct timespec until;
            uint64_t before = ank_s.course.steps;
            clock_gettime(CLOCK_REALTIME, &until);
            until.tv_sec += ANK_PATIENCE_S;
            /* Somebody outside the schedule may wake one of ours; if nobody does, nobody ever will. */
            if (pthread_cond_timedwait(&ank_s.threads[me].wake, &ank_s.mutex, &until) == ETIMEDOUT
                    && ank_s.running != me && ank_s.course.steps == before)
                ank_stop(ank_s.running < 0 ? "deadlock" : "who has the baton waits for something the schedule does not know");
        }
        if (python) {
            pthread_mutex_unlock(&ank_s.mutex);
            PyEval_RestoreThread(python);
            pthread_mutex_lock(&ank_s.mutex);
        }
    }
    static void ank_sleep(int me, int state, void *on) {
        ank_s.threads[me].state = state;
        ank_s.threads[me].on = on;
        ank_pass(me, ank_choose(me, -1));
    }
    static void ank_awake(int i) {
        ank_s.threads[i].state = ANK_RUNNABLE;
        ank_s.threads[i].on = NULL;
        if (ank_s.running < 0) {
            ank_s.running = i;
            pthread_cond_signal(&ank_s.threads[i].wake);
        }
    }
    static void ank_awake_all(int state, void *on) {
        for (int i = 0; i < (int)ank_s.plan.threads; i++)
            if (ank_s.threads[i].state == state && ank_s.threads[i].on == on) ank_awake(i);
    }
    static void ank_point(int point, int with_gil) {
        if (!ank_scheduled() || (!with_gil && PyGILState_Check())) return;
        pthread_mutex_lock(&ank_s.mutex);
        ank_step(ank_mine, point);
        ank_pass(ank_mine, ank_choose(ank_mine, -1));
        pthread_mutex_unlock(&ank_s.mutex);
    }
    static void ank_spin(int point) {
        if (!ank_scheduled()) return;
        pthread_mutex_lock(&ank_s.mutex);
        ank_step(ank_mine, point);
        ank_s.threads[ank_mine].priority = --ank_s.lowest;
        int next = ank_choose(-1, ank_mine);
        if (next >= 0) ank_pass(ank_mine, next);
        pthread_mutex_unlock(&ank_s.mutex);
    }
    static int ank_lock(void *mutex, int point) {
        if (!ank_scheduled()) return pthread_mutex_lock(mutex);
        ank_point(point, 0);
        while (pthread_mutex_trylock(mutex) != 0) {
            pthread_mutex_lock(&ank_s.mutex);
            /* who is outside the schedule may have unlocked it in between */
            if (pthread_mutex_trylock(mutex) == 0) {
                pthread_mutex_unlock(&ank_s.mutex);
                break;
            }
            ank_sleep(ank_mine, ANK_BLOCKED, mutex);
            pthread_mutex_unlock(&ank_s.mutex);
        }
        return 0;
    }
    static int ank_trylock(void *mutex, int point) {
        ank_point(point, 0);
        return pthread_mutex_trylock(mutex);
    }
    static void ank_announce(int state, void *on) {
        if (!__atomic_load_n(&ank_s.active, __ATOMIC_ACQUIRE)) return;
        pthread_mutex_lock(&ank_s.mutex);
        ank_awake_all(state, on);
        pthread_mutex_unlock(&ank_s.mutex);
    }
    static int ank_unlock(void *mutex, int point) {
        int done = pthread_mutex_unlock(mutex);
        ank_announce(ANK_BLOCKED, mutex);
        ank_point(point, 0);
        return done;
    }
    static int ank_wait(void *cond, void *mutex, int point) {
        if (!ank_scheduled()) return pthread_cond_wait(cond, mutex);
        pthread_mutex_lock(&ank_s.mutex);
        ank_step(ank_mine, point);
        pthread_mutex_unlock(mutex);
        ank_awake_all(ANK_BLOCKED, mutex);
        ank_sleep(ank_mine, ANK_WAITING, cond);
        pthread_mutex_unlock(&ank_s.mutex);
        return ank_lock(mutex, point);
    }
    static int ank_signal(void *cond) {
        if (__atomic_load_n(&ank_s.active, __ATOMIC_ACQUIRE)) {
            int waiting[ANK_THREADS], count = 0;
            pthread_mutex_lock(&ank_s.mutex);
            for (int i = 0; i < (int)ank_s.plan.threads; i++)
                if (ank_s.threads[i].state == ANK_WAITING && ank_s.threads[i].on == cond) waiting[count++] = i;
            if (count) ank_awake(waiting[ank_below((uint64_t)count)]);
            pthread_mutex_unlock(&ank_s.mutex);
        }
        return pthread_cond_signal(cond);
    }
    static int ank_broadcast(void *cond) {
        ank_announce(ANK_WAITING, cond);
        return pthread_cond_broadcast(cond);
    }
    static int ank_start(const ank_plan_t *plan) {
        pthread_mutex_lock(&ank_s.mutex);
        if (ank_s.active || plan->threads < 1 || plan->threads > ANK_THREADS || plan->changes > ANK_CHANGES) {
            pthread_mutex_unlock(&ank_s.mutex);
            return -1;
        }
        ank_s.plan = *plan;
        memset(&ank_s.course, 0, sizeof ank_s.course);
        ank_s.entered = ank_s.done = 0;
        ank_s.running = -1;
        ank_s.lowest = 0;
        ank_s.random = (plan->seed + 1) * 0x9E3779B97F4A7C15ull | 1;
        for (int i = 0; i < 8; i++) ank_random();
        for (uint32_t i = 0; i < plan->threads; i++) {
            ank_s.threads[i].state = ANK_ABSENT;
            ank_s.threads[i].on = NULL;
            ank_s.threads[i].priority = 1 + (int64_t)(ank_random() >> 2);
            pthread_cond_init(&ank_s.threads[i].wake, NULL);
        }
        for (uint32_t i = 0; i < plan->changes; i++) ank_s.change_at[i] = 1 + ank_below(plan->within);
        pthread_mutex_unlock(&ank_s.mutex);
        return 0;
    }
    static int ank_enter(int index) {
        pthread_mutex_lock(&ank_s.mutex);
        if (index < 0 || index >= (int)ank_s.plan.threads || ank_s.threads[index].state != ANK_ABSENT) {
            pthread_mutex_unlock(&ank_s.mutex);
            return -1;
        }
        ank_mine = index;
        ank_s.threads[index].state = ANK_RUNNABLE;
        if (++ank_s.entered == ank_s.plan.threads) {
            __atomic_store_n(&ank_s.active, 1, __ATOMIC_RELEASE);
            ank_s.running = ank_choose(-1, -1);
            pthread_cond_signal(&ank_s.threads[ank_s.running].wake);
        }
        while (ank_s.running != index) pthread_cond_wait(&ank_s.threads[index].wake, &ank_s.mutex);
        pthread_mutex_unlock(&ank_s.mutex);
        return 0;
    }
    static void ank_leave(void) {
        if (ank_mine < 0) return;
        pthread_mutex_lock(&ank_s.mutex);
        ank_s.threads[ank_mine].state = ANK_DONE;
        ank_mine = -1;
        if (++ank_s.done == ank_s.plan.threads) {
            ank_s.running = -1;
            __atomic_store_n(&ank_s.active, 0, __ATOMIC_RELEASE);
        } else {
            ank_s.running = ank_choose(-1, -1);
            if (ank_s.running >= 0) pthread_cond_signal(&ank_s.threads[ank_s.running].wake);
        }
        pthread_mutex_unlock(&ank_s.mutex);
    }
    static uint64_t ank_clock(void) { return ank_scheduled() ? 100 * ank_s.course.steps + 1 : 0; }
    static ank_course_t ank_course(void) { return ank_s.course; }
    static void ank_name(int point, const char *name) { if (point >= 0 && point < ANK_POINTS) ank_names[point] = name; }
    #else
    #define ank_scheduled() 0
    #define ank_point(point, with_gil) ((void)0)
    #define ank_spin(point) ((void)0)
    #define ank_lock(mutex, point) (-1)
    #define ank_trylock(mutex, point) (-1)
    #define ank_unlock(mutex, point) (-1)
    #define ank_wait(cond, mutex, point) (-1)
    #define ank_signal(cond) (-1)
    #define ank_broadcast(cond) (-1)
    #define ank_start(plan) (-1)
    #define ank_enter(index) (-1)
    #define ank_leave() ((void)0)
    #define ank_clock() ((uint64_t)0)
    static ank_course_t ank_course(void) { ank_course_t none = {0, 0, 0}; return none; }
    #define ank_name(point, name) ((void)0)
    #endif
    """
    ctypedef struct plan_t "ank_plan_t":
        uint64_t seed
        uint64_t within
        uint64_t limit
        uint32_t threads
        uint32_t changes
        uint32_t switch_of_256
        uint32_t verbose
    ctypedef struct course_t "ank_course_t":
        uint64_t steps
        uint64_t switches
        uint64_t hash
    void native_point "ank_point"(int point, int with_gil) noexcept nogil
    void native_spin "ank_spin"(int point) noexcept nogil
    int native_lock "ank_lock"(void *mutex, int point) noexcept nogil
    int native_trylock "ank_trylock"(void *mutex, int point) noexcept nogil
    int native_unlock "ank_unlock"(void *mutex, int point) noexcept nogil
    int native_wait "ank_wait"(void *cond, void *mutex, int point) noexcept nogil
    int native_signal "ank_signal"(void *cond) noexcept nogil
    int native_broadcast "ank_broadcast"(void *cond) noexcept nogil
    int native_start "ank_start"(const plan_t *plan) noexcept nogil
    int native_enter "ank_enter"(int index) noexcept nogil
    void native_leave "ank_leave"() noexcept nogil
    uint64_t native_clock "ank_clock"() noexcept nogil
    course_t native_course "ank_course"() noexcept nogil
    void native_name "ank_name"(int point, const char *name) noexcept nogil
