#include "t.h"
static uint64_t seed;
static T_UNUSED unsigned rnd(unsigned n){ seed=seed*6364136223846793005ul+1442695040888963407ul; return n? (unsigned)(seed>>33)%n:0; }
#define PICK(...) ({ const long long a_[]={__VA_ARGS__}; a_[rnd(sizeof(a_)/sizeof(*a_))]; })
