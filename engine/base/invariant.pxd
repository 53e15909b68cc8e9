"""Invariants of code that runs without the GIL.

`invariant(condition, text)` costs nothing in the ordinary build; in the checked build (ANOKURO_CHECKED=1, see
build_support) a condition that does not hold ends the process with the text, at the place where it stopped holding.
`checked()` guards what is too expensive to compute otherwise.
"""

cdef extern from *:
    """
    #ifndef ANOKURO_INVARIANT
    #define ANOKURO_INVARIANT
    #include <stdio.h>
    #include <stdlib.h>
    #ifndef ANOKURO_CHECKED
    #define ANOKURO_CHECKED 0
    #endif
    #if ANOKURO_CHECKED
    #define ank_invariant(condition, text) do { \\
        if (!(condition)) { \\
            fprintf(stderr, "anokuro: invariant does not hold: %s (%s:%d)\\n", (text), __FILE__, __LINE__); \\
            fflush(stderr); \\
            abort(); \\
        } } while (0)
    #else
    #define ank_invariant(condition, text) ((void)0)
    #endif
    #endif
    """
    void invariant "ank_invariant"(bint condition, const char *text) noexcept nogil
    int checked "ANOKURO_CHECKED"
