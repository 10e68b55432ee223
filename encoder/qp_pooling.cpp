#include "encoder/qp_pooling.h"
