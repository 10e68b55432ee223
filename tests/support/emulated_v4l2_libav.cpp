#include <stdexcept>

#include "tests/support/emulated_v4l2_coder.h"

namespace smartcodec::emulated {

std::unique_ptr<Coder> makeLibavCoder(const CoderSetup& setup) {
    return makeFakeCoder(setup);
}

}  // namespace smartcodec::emulated
