#include "encoder/annex_b.h"
