#include "mux/home_disk.h"

#include <sys/stat.h>

#include <stdexcept>
#include <utility>

namespace smartcodec {
namespace {

/// Where nobody can tell, there is nothing to be kept from it.
bool isOnSystemDisk(const std::string& folder) {
    struct stat here {
    }, system{};
    return ::stat(folder.c_str(), &here) != 0 || ::stat("/", &system) != 0 || here.st_dev == system.st_dev;
}

}  // namespace

HomeDisk::HomeDisk(std::string folder) : folder_(std::move(folder)), own_(!isOnSystemDisk(folder_)) {}

void HomeDisk::check() const {
    if (own_ && isOnSystemDisk(folder_))
        throw std::runtime_error("cannot record into '" + folder_ + "': its disk has gone; connect it again");
}

}  // namespace smartcodec
