#include "mux/mp4_options.h"

extern "C" {
#include <libavutil/dict.h>
}

#include <string>

namespace smartcodec {

Mp4Options::Mp4Options(const Wanted& wanted) {
    av_dict_set_int(&dictionary_, "video_track_timescale", wanted.ticksPerSecond, 0);
    // The default of 1000 would round the edit list, and so the end of the recording, to milliseconds.
    av_dict_set_int(&dictionary_, "movie_timescale", wanted.ticksPerSecond, 0);
    av_dict_set_int(&dictionary_, "use_editlist", wanted.editLists ? 1 : 0, 0);
    // The range of the colours belongs in the file even where they are not known.
    av_dict_set(&dictionary_, "movflags", (std::string(wanted.flags) + "+write_colr").c_str(), 0);
}

Mp4Options::~Mp4Options() {
    av_dict_free(&dictionary_);
}

}  // namespace smartcodec
