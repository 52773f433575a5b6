"""Performances: the roll, its sound, passages that are written again, and files that are dropped."""

from base64 import b64decode, b64encode

import pytest
from axe_playwright_python.sync_playwright import Axe
from performances import beat, take

from folkseq.formats import midi

pytestmark = pytest.mark.slow

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), each => each.charCodeAt(0)), files = new DataTransfer();
  files.items.add(new File([bytes], name));
  document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true, cancelable: true }));
}"""
LISTEN = """() => {
  const { synth } = studio.player, analyser = new AnalyserNode(synth.context, { fftSize: 2048 });
  synth.output.connect(analyser);
  globalThis.loudest = 0;
  const wave = new Float32Array(analyser.fftSize);
  setInterval(() => {
    analyser.getFloatTimeDomainData(wave);
    loudest = Math.max(loudest, ...wave.map(Math.abs));
  }, 30);
}"""


@pytest.fixture
def opened(open_page):
    """Return a page with performances."""
    page = open_page()
    page.click("#views >> text=Performances")
    page.wait_for_selector(".performed .candidate >> nth=3")
    page.wait_for_selector(".perform button:text-is('Stop')", state="hidden")
    return page


def drop(page, name, data):
    page.evaluate(DROP, [name, b64encode(data).decode()])


def shown(page):
    """Return the notes that are shown."""
    notes = page.evaluate("() => studio.performance.current.notes")
    return [(each["onset_s"], each["duration_s"], each["pitch"], each["velocity"]) for each in notes]


def file_of(page):
    return b64decode(page.evaluate("() => studio.performance.versions[studio.performance.at].midi"))


def darkness(page):
    """Return the share of the roll that is drawn upon."""
    return page.evaluate(
        """() => {
          const [canvas] = document.querySelectorAll(".roll canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, at) => at % 4 === 3 && value > 100).length / (data.length / 4);
        }"""
    )


def selected(page):
    """Return the selected seconds as they are shown."""
    return [each.input_value() for each in page.locator("#roll-menu input").all()]


def select(page, start_s, stop_s):
    """Drag over some seconds of the roll."""
    box, length = page.locator(".roll").bounding_box(), page.evaluate("() => studio.performance.current.duration_s")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start_s / length, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * stop_s / length, y, steps=4)
    page.mouse.up()


def test_a_performance_is_written_shown_and_plays(opened):
    assert "notes in 20.0 s" in opened.inner_text("#roll-summary")
    assert darkness(opened) > 0.005
    opened.evaluate("() => studio.player.synth.open()")
    opened.evaluate(LISTEN)
    opened.click(".rolling .play")
    opened.wait_for_function("() => studio.player.state === 'playing' && studio.player.position > 1")
    opened.wait_for_function("() => loudest > 0.01")
    opened.focus("#roll")
    opened.keyboard.press(" ")
    opened.wait_for_function("() => studio.player.state === 'stopped'")
    with opened.expect_download() as download:
        opened.click(".rolling a.file[href]")
    assert midi.parse(download.value.path().read_bytes(), "download").performance.tracks


def test_the_pedal_is_heard(opened):
    drop(opened, "take.mid", midi.format(take(3, seconds=6.0)))
    opened.wait_for_selector(".roll-title:text-is('take')")
    assert "pedal" in opened.inner_text("#roll-summary")
    opened.evaluate(
        """async () => {
          const { synth } = studio.player;
          await synth.open();
          const send = synth.send.bind(synth);
          globalThis.moves = [];
          synth.send = (at, channel, data) => {
            moves.push(data.slice(1));
            send(at, channel, data);
          };
        }"""
    )
    opened.click(".rolling .play")
    moves = "() => moves.filter(([controller]) => controller === 64)"
    # A busy machine draws no frames, and may be past the end before it looks again.
    opened.wait_for_function(f"() => ({moves})().length >= 3", polling=50)
    assert opened.evaluate(moves)[:3] == [[64, 0], [64, 127], [64, 0]]  # up at the beginning, from 0.5 to 2.3 s down
    opened.click(".rolling .play")
    opened.evaluate("() => { moves.length = 0; studio.player.play(1); }")
    opened.wait_for_function(f"() => ({moves})().length >= 1", polling=50)
    assert opened.evaluate(moves)[:1] == [[64, 127]]


def test_a_tune_that_arrives_late_does_not_stop_the_performance(opened):
    opened.evaluate("() => studio.player.synth.open()")
    opened.click(".rolling .play")
    opened.wait_for_function("() => studio.player.state === 'playing'", polling=50)
    opened.evaluate(
        """() => new Promise(resolve => {
          studio.tune.addEventListener("reading", () => setTimeout(resolve, 100), { once: true });
          studio.tune.open("X:1\\nT:Late\\nL:1/8\\nM:2/4\\nK:C\\nCDEF|GABc|\\n", "new");
        })"""
    )
    assert opened.evaluate("() => [studio.player.state, studio.player.music.duration_s > 10]") == ["playing", True]
    opened.click("#views >> text=Tunes")
    opened.wait_for_function("() => studio.player.music.duration_s < 10", polling=50)
    opened.click("#play")
    opened.wait_for_function("() => studio.player.state === 'playing'", polling=50)


def test_written_again_is_what_is_selected_alone(opened):
    drop(opened, "take.mid", midi.format(take(3, seconds=12.0)))
    opened.wait_for_selector(".roll-title:text-is('take')")
    before, data = shown(opened), file_of(opened)
    select(opened, 4, 8)
    start_s, stop_s = map(float, selected(opened))
    assert (start_s, stop_s) == (pytest.approx(4, abs=0.2), pytest.approx(8, abs=0.2))
    opened.click("#roll-menu >> text=Again")
    opened.wait_for_selector(".alternatives .candidate >> nth=3")
    opened.click(".alternatives [aria-label='Hear version 2']")
    opened.wait_for_function("() => studio.player.state === 'playing' && studio.player.position > 2")
    opened.click(".rolling .play")
    opened.wait_for_function("() => studio.player.state === 'stopped'")
    opened.click(".alternatives .candidate >> nth=1")
    opened.wait_for_selector(".rolling button:text-is('Undo'):enabled")
    after = shown(opened)

    def outside(notes):
        return [note for note in notes if note[0] < start_s - 0.06 or note[0] > stop_s + 0.06]

    assert outside(after) == outside(before)
    assert after != before
    opened.focus("#roll")
    opened.keyboard.press("Control+z")
    opened.wait_for_selector(".rolling button:text-is('Redo'):enabled")
    assert (shown(opened), file_of(opened)) == (before, data)
    opened.reload()
    opened.wait_for_selector(".roll-title:text-is('take')")
    assert shown(opened) == before


def test_seconds_are_selected_by_keys(opened):
    opened.focus("#roll")
    for key in ["Home", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight"]:
        opened.keyboard.press(key)
    assert selected(opened) == ["2.0", "4.0"]
    opened.keyboard.press("Escape")
    assert selected(opened) == ["", ""]
    assert opened.is_disabled("#roll-menu >> text=Again")
    for place, value in enumerate(["1.5", "3"]):
        opened.fill(f"#roll-menu input >> nth={place}", value)
        opened.keyboard.press("Tab")
    assert opened.evaluate("() => document.querySelector('#roll-menu [role=status]').textContent").endswith(" notes")
    assert "from 1.5 to 3 s" in opened.inner_text("#strips .over")


def test_density_and_pitch_classes_are_drawn(opened):
    opened.focus(".bar >> nth=0")
    for key in ["End", "ArrowDown", "ArrowRight", "Home"]:
        opened.keyboard.press(key)
    box = opened.locator(".classes tr").last.locator("td").first.bounding_box()
    opened.mouse.move(box["x"] + 4, box["y"] + 4)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 8 * box["width"], box["y"] + 4, steps=40)
    opened.mouse.up()
    assert opened.locator(".classes td[aria-selected=true]").count() == 8
    with opened.expect_request("**/api/performances") as request:
        opened.click(".perform button[type=submit]")
    asked = request.value.post_data_json
    assert (asked["density"][:2], asked["pitch_classes"]) == ([24, 0.5], ["C"] * 8)


def test_a_dropped_file_is_the_beginning_of_what_comes_next(opened):
    drop(opened, "beat.mid", midi.format(beat(1, bars=2)))
    opened.wait_for_selector(".roll-title:text-is('beat')")
    assert "24 strokes of drums" in opened.inner_text("#roll-summary")
    before = shown(opened)
    assert opened.is_hidden(".curve")
    opened.fill(".perform .short", "4")
    opened.click(".perform button[type=submit]")
    opened.wait_for_selector(".performed .candidate >> nth=3")
    after = shown(opened)
    assert [(note[0], note[2]) for note in after[: len(before)]] == [(note[0], note[2]) for note in before]
    assert 4 < after[-1][0] < 8
    opened.click(".rolling button:text-is('Undo')")
    opened.wait_for_selector(".rolling button:text-is('Redo'):enabled")
    assert shown(opened) == before


def test_sound_is_taken_away(opened):
    drop(opened, "take.mid", midi.format(take(3, seconds=2.0)))
    opened.wait_for_selector(".roll-title:text-is('take')")
    with opened.expect_download() as download:
        opened.click(".rolling button:text-is('WAV')")
    assert download.value.path().read_bytes()[:4] == b"RIFF"
    opened.wait_for_selector(".rolling button:text-is('WAV')")


def test_a_dropped_tune_opens_as_a_tune_and_a_broken_file_is_a_sentence(open_page):
    page = open_page(expected="400")
    page.goto(f"{page.url}#performances")
    page.wait_for_selector(".performed .candidate")
    drop(page, "broken.mid", b"MThd")
    page.wait_for_selector("header .error:has-text('broken.mid')")
    drop(page, "tune.abc", b"X:1\nT:Dropped <b>tune</b>\nM:4/4\nL:1/4\nK:G\nGABc|d4|]\n")
    page.wait_for_selector("#title:text-is('Dropped <b>tune</b>')")
    assert page.is_hidden("#performances")
    assert page.url.endswith("#tunes")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(open_page, dark):
    page = open_page(dark=dark)
    page.goto(f"{page.url}#performances")
    page.wait_for_selector(".performed .candidate >> nth=3")
    page.focus("#roll")
    page.keyboard.press("Shift+End")
    violations = Axe().run(page).response["violations"]
    serious = [each for each in violations if each["impact"] in ("serious", "critical")]
    assert {each["id"]: [node["html"][:120] for node in each["nodes"]] for each in serious} == {}


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 256)])
def test_nothing_is_cut_off_on_a_narrow_page(open_page, width, height):
    page = open_page(width, height)
    page.goto(f"{page.url}#performances")
    page.wait_for_selector(".performed .candidate >> nth=3")
    page.focus("#roll")
    page.keyboard.press("Shift+End")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
