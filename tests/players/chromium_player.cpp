// Chromium, spoken to by its DevTools protocol over a pair of pipes: messages of JSON that end with a zero byte.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "capture/scene_overlay.h"
#include "capture/unique_fd.h"
#include "tests/players/player.h"
#include "tests/support/temporary_folder.h"

namespace smartcodec::test {

namespace {

using Json = nlohmann::json;

constexpr const char* kBinary = "/usr/bin/chromium";
constexpr std::chrono::seconds kLimit(60);
// Where it reads what it is asked, and writes what it answers.
constexpr int kRequests = 3;
constexpr int kAnswers = 4;

constexpr const char* kPage = R"(<!DOCTYPE html><video id="video" muted preload="auto"></video><script>
const video = document.getElementById("video");
const event = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, {once: true});
    video.addEventListener("error", () => failed(new Error(video.error.message)), {once: true});
});
async function load(url) {
    const loaded = event("loadeddata");
    video.src = url;
    await loaded;
    return {duration: video.duration, width: video.videoWidth, height: video.videoHeight};
}
async function seek(seconds) {
    const arrived = event("seeked");
    const presented = new Promise((done) => video.requestVideoFrameCallback(done));
    video.currentTime = seconds;
    await arrived;
    // "seeked" may come before the picture does; of the picture that is there already no other one comes
    await Promise.race([presented, new Promise((done) => setTimeout(done, 500))]);
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let luma = "";
    for (let i = 1; i < pixels.length; i += 4)
        luma += String.fromCharCode(pixels[i]);
    return btoa(luma);
}
</script>)";

std::vector<std::byte> fromBase64(const std::string& text) {
    std::vector<std::byte> bytes;
    unsigned bits = 0;
    int count = 0;
    for (const char letter : text) {
        static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const std::size_t value = kLetters.find(letter);
        if (value == std::string_view::npos)
            break;
        bits = bits << 6 | static_cast<unsigned>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<std::byte>(bits >> count & 0xFF));
        }
    }
    return bytes;
}

struct Pipe {
    UniqueFd readEnd;
    UniqueFd writeEnd;
};

Pipe openPipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "opening a pipe");
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

struct Chromium::State {
    TemporaryFolder folder;
    pid_t process = -1;
    UniqueFd requests;
    UniqueFd answers;
    std::string received;
    std::string session;
    int lastId = 0;

    void start() {
        Pipe asked = openPipe();
        Pipe answered = openPipe();
        const std::string profile = "--user-data-dir=" + (folder / "profile");
        const std::array<const char*, 12> arguments{kBinary,
                                                    "--headless=new",
                                                    "--no-sandbox",
                                                    "--disable-gpu",
                                                    "--remote-debugging-pipe",
                                                    "--allow-file-access-from-files",
                                                    "--disable-dev-shm-usage",
                                                    "--no-first-run",
                                                    "--disable-background-networking",
                                                    profile.c_str(),
                                                    "about:blank",
                                                    nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        // by way of numbers that are nobody's, for ours may be these
        constexpr int kAside = 100;
        posix_spawn_file_actions_adddup2(&actions, asked.readEnd.get(), kAside);
        posix_spawn_file_actions_adddup2(&actions, answered.writeEnd.get(), kAside + 1);
        posix_spawn_file_actions_adddup2(&actions, kAside, kRequests);
        posix_spawn_file_actions_adddup2(&actions, kAside + 1, kAnswers);
        posix_spawn_file_actions_addclose(&actions, kAside);
        posix_spawn_file_actions_addclose(&actions, kAside + 1);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        const int error =
            posix_spawn(&process, kBinary, &actions, nullptr, const_cast<char* const*>(arguments.data()), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0)
            throw std::system_error(error, std::generic_category(), std::string("starting ") + kBinary);
        requests = std::move(asked.writeEnd);
        answers = std::move(answered.readEnd);
    }

    void openPage() {
        const std::string page = folder / "player.html";
        std::ofstream(page) << kPage;
        const Json target = ask("Target.createTarget", {{"url", "about:blank"}});
        session = ask("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}})
                      .at("sessionId")
                      .get<std::string>();
        (void)ask("Page.enable", Json::object());
        (void)ask("Page.navigate", {{"url", "file://" + page}});
        while (Json::parse(nextMessage()).value("method", "") != "Page.loadEventFired") {
        }
    }

    ~State() {
        if (process <= 0)
            return;
        ::kill(process, SIGKILL);
        ::waitpid(process, nullptr, 0);
    }

    /// The result of a command; throws what Chromium did not like.
    Json ask(const std::string& method, Json parameters) {
        Json request{{"id", ++lastId}, {"method", method}, {"params", std::move(parameters)}};
        if (!session.empty())
            request["sessionId"] = session;
        const std::string text = request.dump();
        const auto bytes = static_cast<ssize_t>(text.size() + 1);
        if (::write(requests.get(), text.c_str(), text.size() + 1) != bytes)
            throw std::runtime_error("Chromium takes no requests");
        for (;;) {
            const Json message = Json::parse(nextMessage());
            if (message.value("id", 0) != lastId)
                continue;  // an event
            if (message.contains("error"))
                throw std::runtime_error("Chromium: " + message["error"].dump());
            return message.at("result");
        }
    }

    /// Of an expression on the page, awaited if it is a promise.
    Json value(const std::string& expression) {
        const Json result =
            ask("Runtime.evaluate", {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}});
        if (const auto exception = result.find("exceptionDetails"); exception != result.end())
            throw std::runtime_error("Chromium: " + exception->value("exception", Json::object()).dump());
        return result.at("result").value("value", Json());
    }

    std::string nextMessage() {
        const auto deadline = std::chrono::steady_clock::now() + kLimit;
        for (;;) {
            if (const std::size_t end = received.find('\0'); end != std::string::npos) {
                std::string message = received.substr(0, end);
                received.erase(0, end + 1);
                return message;
            }
            const auto left =
                std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd readable{.fd = answers.get(), .events = POLLIN, .revents = 0};
            std::array<char, 1 << 16> piece{};
            if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0)
                throw std::runtime_error("Chromium gives no answer");
            const ssize_t got = ::read(answers.get(), piece.data(), piece.size());
            if (got <= 0)
                throw std::runtime_error("Chromium has ended");
            received.append(piece.data(), static_cast<std::size_t>(got));
        }
    }
};

namespace {

/// `Value` asks the page.
template <typename Value>
class ChromiumPlayer final : public Player {
  public:
    ChromiumPlayer(const std::string& path, Value value) : value_(std::move(value)) {
        const Json loaded = value_("load(" + Json("file://" + std::filesystem::absolute(path).string()).dump() + ")");
        size_ = {loaded.at("width").get<int>(), loaded.at("height").get<int>()};
        if (loaded.at("duration").is_number())  // else it is infinite
            duration_ = loaded["duration"].get<double>();
    }

    [[nodiscard]] Shows shows() const override { return Shows::TheOneThere; }
    [[nodiscard]] double duration() override {
        if (!duration_)
            throw std::runtime_error("Chromium knows no duration");
        return *duration_;
    }
    [[nodiscard]] std::optional<std::uint32_t> numberAt(double seconds) override {
        const Json shown = value_("seek(" + std::to_string(seconds) + ")");
        std::vector<std::byte> luma = fromBase64(shown.get<std::string>());
        if (luma.size() != static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(size_.height))
            throw std::runtime_error("Chromium shows nothing at " + std::to_string(seconds));
        return readFrameNumber({.strideBytes = static_cast<std::size_t>(size_.width), .data = luma.data()}, size_);
    }

  private:
    Value value_;
    Size size_;
    std::optional<double> duration_;
};

}  // namespace

Chromium::Chromium() : state_(std::make_unique<State>()) {
    if (!isThere())
        throw std::runtime_error(std::string(kBinary) + " is not there: scripts/setup chromium");
    state_->start();
    state_->openPage();
}

Chromium::~Chromium() = default;

bool Chromium::isThere() {
    return std::filesystem::exists(kBinary);
}

bool Chromium::plays(const std::string& mimeType) {
    return state_->value("video.canPlayType(" + Json(mimeType).dump() + ")").get<std::string>() != "";
}

std::unique_ptr<Player> Chromium::open(const std::string& path) {
    auto value = [this](const std::string& expression) { return state_->value(expression); };
    return std::make_unique<ChromiumPlayer<decltype(value)>>(path, value);
}

}  // namespace smartcodec::test
