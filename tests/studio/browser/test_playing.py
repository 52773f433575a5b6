"""What is heard, and what the score shows of it."""

import math

import pytest

pytestmark = pytest.mark.slow

SCALE = "X:1\nT:Four notes\nM:4/4\nL:1/4\nQ:1/4=75\nK:C\nC2 A2|e2 b2|]\n"
REPEATED = "X:1\nT:Six bars\nM:4/4\nL:1/4\nK:G\nD|GABc|dcBA|1GABc|dedc:|2GFGA|G3|]\n"

LISTEN = """() => {
  const { synth } = studio.player, { context } = synth;
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  synth.output.connect(analyser);
  globalThis.heard = [];
  const levels = new Float32Array(analyser.frequencyBinCount), width = context.sampleRate / analyser.fftSize;
  setInterval(() => {
    if (studio.player.state !== "playing") return;
    analyser.getFloatFrequencyData(levels);
    const shown = studio.tune.reading.notes.flatMap((note, index) => marked(index) ? [index] : []);
    const top = levels.indexOf(Math.max(...levels));
    heard.push({ shown, position: studio.player.position, peak: top * width, width, level: levels[top] });
  }, 50);
  const marked = index => [...document.querySelectorAll(".sounding")].some(each => each.dataset.note === String(index));
}"""


CAPTURE = """async source => {
  const { synth } = studio.player, { context } = synth;
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  const node = new AudioWorkletNode(context, "capture");
  synth.output.connect(node).connect(context.destination);
  globalThis.blocks = [];
  node.port.onmessage = event => blocks.push(event.data);
}"""
PROCESSOR = """registerProcessor("capture", class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage([currentTime, Math.max(...samples.map(Math.abs))]);
    return true;
  }
});"""


def open_tune(page, abc, title):
    page.wait_for_selector("#stop", state="hidden")
    page.evaluate("abc => { studio.tune.open(abc, 'new'); }", abc)
    page.wait_for_selector(f"#title:text-is('{title}')")
    page.wait_for_function("() => studio.tune.reading?.abc === studio.tune.abc")
    page.wait_for_selector("#play:enabled")


def is_playing(page):
    page.wait_for_function("() => studio.player.state === 'playing'")


def test_the_tune_on_the_score_plays_at_one_click(open_page):
    page = open_page()
    page.wait_for_selector("#paper svg .abcjs-note")
    page.click("#play:enabled")
    is_playing(page)
    page.wait_for_selector(".sounding")
    assert page.inner_text("#play") == "Pause"
    page.keyboard.press("Escape")
    page.locator("#title").click()
    page.keyboard.press(" ")
    page.wait_for_function("() => studio.player.state === 'stopped'")
    assert page.locator(".sounding").count() == 0


def test_the_sound_has_the_frequency_of_the_note_that_is_shown(open_page):
    page = open_page()
    open_tune(page, SCALE, "Four notes")
    page.click("#sound summary")
    page.select_option("#instrument", label="recorder")
    page.evaluate("() => studio.player.synth.open()")
    page.evaluate(LISTEN)
    page.click("#play")
    is_playing(page)
    page.wait_for_function("() => studio.player.state === 'stopped'")
    found = {}
    for each in page.evaluate("() => heard"):
        place = each["position"] / 1.6  # notes, each of which lasts 1.6 seconds
        if 0.4 < place % 1 < 0.9 and each["level"] > -80:
            found.setdefault(int(place), []).append(each)
    for note, pitch in enumerate([60, 69, 76, 83]):
        assert found[note], f"nothing is heard of note {note}"
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        for each in found[note]:
            assert each["shown"] == [note]
            overtone = max(round(each["peak"] / frequency), 1)
            assert math.isclose(each["peak"], overtone * frequency, abs_tol=1.5 * each["width"])
            assert overtone <= 3


def test_the_sound_comes_when_the_audio_clock_says(browser, address):
    context = browser.new_context(bypass_csp=True)  # which refuses the test's own processor
    page = context.new_page()
    page.goto(address)
    open_tune(page, SCALE.replace("C2 A2|e2 b2", ".C2 .A2|.e2 .b2"), "Four notes")
    page.evaluate("() => { studio.player.instrument = 13; return studio.player.synth.open(); }")  # a xylophone
    page.evaluate(CAPTURE, PROCESSOR)
    page.click("#play")
    page.wait_for_selector(".sounding")
    begun = page.evaluate("() => studio.player.synth.heard - studio.player.position")
    page.wait_for_function("() => studio.player.state === 'stopped'")
    blocks = page.evaluate("() => blocks")
    context.close()
    onsets = [
        time
        for index, (time, level) in enumerate(blocks[20:], 20)
        if level > 0.05 > max(before for _, before in blocks[index - 20 : index])
    ]
    assert [onset - begun for onset in onsets] == pytest.approx([0, 1.6, 3.2, 4.8], abs=0.015)


def test_bars_are_selected_by_dragging_and_looped(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    notes = page.locator("#paper .abcjs-note")
    first, last = notes.nth(2).bounding_box(), notes.nth(6).bounding_box()
    page.mouse.move(first["x"] + 2, first["y"] + 5)
    page.mouse.down()
    page.mouse.move(last["x"] + 2, last["y"] + 5, steps=4)
    page.mouse.up()
    assert page.evaluate("() => studio.tune.selection") == {"first": 1, "last": 2}
    assert page.locator("#paper + .said").inner_text() == "Bar 1 to bar 2 selected"
    page.click("#loop")
    loop = page.evaluate("() => studio.player.loop")
    bar = page.evaluate("() => studio.tune.reading.beats.filter(each => each.bar).map(each => each.onset_s)")
    assert (loop["from"], loop["to"]) == pytest.approx((bar[1], bar[3]))
    page.evaluate(
        "() => { globalThis.positions = []; "
        "studio.player.addEventListener('time', () => positions.push(studio.player.position)); "
        "studio.player.tempo = 1.5; }"
    )
    page.click("#play")
    page.wait_for_function("() => positions.filter((each, index) => each < positions[index - 1] - 1).length === 2")
    assert all(loop["from"] - 0.01 <= each <= loop["to"] + 0.01 for each in page.evaluate("() => positions.slice(2)"))


def test_bars_are_selected_by_keys_and_clicks(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")

    def selection():
        found = page.evaluate("() => studio.tune.selection")
        return found and (found["first"], found["last"])

    page.focus("#paper")
    for key, selected in [
        ("ArrowRight", (0, 0)),
        ("ArrowRight", (1, 1)),
        ("Shift+ArrowRight", (1, 2)),
        ("Shift+ArrowRight", (1, 3)),
        ("Shift+ArrowLeft", (1, 2)),
        ("ArrowLeft", (1, 1)),
        ("Shift+ArrowLeft", (0, 1)),
        ("Escape", None),
        ("End", (6, 6)),
    ]:
        page.keyboard.press(key)
        assert selection() == selected
    page.locator("#paper .abcjs-note").nth(1).click(force=True)
    assert selection() == (1, 1)
    page.locator("#paper .abcjs-note").nth(10).click(modifiers=["Shift"], force=True)
    assert selection() == (1, 3)


def test_an_edit_does_not_stop_the_music(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    page.click("#play")
    is_playing(page)
    page.wait_for_function("() => studio.player.position > 1")
    page.evaluate("() => { studio.tune.change(studio.tune.abc.replace('GFGA', 'GFGB'), 'an edit'); }")
    page.wait_for_function(
        "() => studio.player.music.abc === studio.tune.abc && studio.player.state === 'playing' "
        "&& studio.player.position > 1.2"
    )
    page.evaluate("abc => { studio.tune.open(abc, 'another'); }", SCALE)
    page.wait_for_function("() => studio.player.music.title === 'Four notes' && studio.player.state === 'stopped'")


def test_an_alternative_is_heard_in_place_of_the_tune(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    page.click("#play")
    is_playing(page)
    page.evaluate(
        "abc => { globalThis.done = false; "
        "studio.player.audition(abc, { bars: { first: 1, last: 1 } }).then(() => { done = true; }); }",
        SCALE.replace("75", "240"),
    )
    page.wait_for_function("() => studio.player.music.title === 'Four notes' && studio.player.state === 'playing'")
    assert page.inner_text("#play") == "Play"
    page.wait_for_function("() => done")
    assert page.evaluate("() => [studio.player.music.title, studio.player.state]") == ["Six bars", "stopped"]
    assert page.evaluate("() => studio.player.position") > 0


def test_without_a_soundfont_the_page_says_so(open_page):
    page = open_page(expected="404")
    refused = {"status": 404, "json": {"error": "there is no soundfont"}}
    page.route("**/api/soundfont*", lambda route: route.fulfill(**refused))
    page.reload()
    page.wait_for_selector("#transport .error:visible")
    page.wait_for_selector("#paper svg .abcjs-note")
    page.click("#play:enabled")
    page.wait_for_function("() => studio.player.state === 'stopped'")
    page.wait_for_selector("#transport .error:visible")
    assert page.locator("#transport .error").inner_text() == "there is no soundfont"
    assert page.inner_text("#play") == "Play"
    page.unroute("**/api/soundfont*")
    page.click("#play")
    is_playing(page)
    page.wait_for_selector("#transport .error", state="hidden")


def test_a_bar_is_counted_in(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    clicks = page.evaluate(
        "async () => { const { countIn } = await import('/assets/page/js/music.js'), { music } = studio.player;"
        "return [0, 3].map(bar => countIn(music, music.beats.filter(each => each.bar)[bar].onset_s)); }"
    )
    beat = page.evaluate("() => studio.player.music.beats[1].onset_s")
    # A pickup of a beat comes after a whole bar and three beats; the fourth bar after a bar.
    assert [round(each["time"] / beat, 6) for each in clicks[0]] == [-4, -3, -2, -1, 0, 1, 2]
    assert [round(each["time"] / beat, 6) for each in clicks[1]] == [8, 9, 10, 11]
    assert [each["bar"] for each in clicks[1]] == [True, False, False, False]


def test_the_metronome_clicks_at_each_beat(open_page):
    page = open_page()
    open_tune(page, SCALE.replace("75", "150"), "Four notes")
    page.click("#sound summary")
    page.click("#metronome")
    page.click("#count-in")
    page.evaluate(
        "() => { const { synth } = studio.player, { on } = synth; globalThis.clicks = [];"
        "synth.on = (at, channel, pitch, velocity) => { if (channel === 9) clicks.push([at, pitch]);"
        "on.call(synth, at, channel, pitch, velocity); }; }"
    )
    page.click("#play")
    is_playing(page)
    page.wait_for_function("() => studio.player.state === 'stopped'")
    clicks = page.evaluate("() => clicks")
    assert [pitch for _, pitch in clicks] == [76, 77, 77, 77] * 3
    assert [time - clicks[0][0] for time, _ in clicks] == pytest.approx([0.4 * beat for beat in range(12)])


def test_tempo_swing_and_instrument(open_page):
    page = open_page()
    open_tune(page, REPEATED.replace("GABc", "G/A/B/c/ B2"), "Six bars")
    page.click("#sound summary")
    onsets = (
        "() => studio.player.music.events.slice(1, 4).map(each => each.onset_s - studio.player.music.events[1].onset_s)"
    )
    beat = page.evaluate("() => studio.player.music.beats[1].onset_s")
    assert page.evaluate(onsets) == pytest.approx([0, beat / 2, beat])
    page.locator("#swing").fill("66")
    page.wait_for_function("() => studio.player.swing === 0.66")
    page.wait_for_function(f"beat => Math.abs(({onsets})()[1] - 0.66 * beat) < 1e-6", arg=beat)
    page.select_option("#instrument", label="harp")
    page.locator("#tempo").fill("150")
    page.click("#play")
    is_playing(page)
    page.wait_for_selector(".sounding")
    speed = page.evaluate(
        "async () => { const place = () => [studio.player.position, studio.player.synth.heard], before = place();"
        "await new Promise(resolve => setTimeout(resolve, 1000)); const after = place();"
        "return (after[0] - before[0]) / (after[1] - before[1]); }"
    )
    assert speed == pytest.approx(1.5, rel=0.02)
    assert page.evaluate("() => studio.player.synth.programs") == {"0": 46}
    page.reload()
    page.wait_for_selector("#play:enabled")
    assert page.locator("#instrument").input_value() == "46"


@pytest.mark.parametrize("width", [1440, 390])
def test_each_note_is_on_the_score_whatever_stands_before_the_tune(open_page, width):
    page = open_page(width)
    open_tune(page, "%abc-2.1\nC:trad\r\n\n" + REPEATED.replace("T:", "% more\nT:🎻 "), "🎻 Six bars")
    names = page.evaluate(
        "() => studio.tune.reading.notes.map((note, index) => [studio.tune.abc[note.start],"
        "document.querySelector(`[data-note='${index}']`)?.getAttribute('class').match(/abcjs-p(-?[0-9]+)/)[1]])"
    )
    assert [["CDEFGABcdefg"[int(place)], place] for _, place in names] == names


def test_faults_are_marked_in_the_text_and_typing_is_one_step(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    page.click("#editor summary")
    page.locator("#abc textarea").focus()
    page.keyboard.press("Control+End")
    page.keyboard.press("ArrowUp")
    page.keyboard.type("[A", delay=400)
    page.wait_for_selector("#faults .error")
    assert page.locator("#faults").inner_text() == "Line 6: a [ that has no partner on its line"
    assert page.locator(".layer mark").inner_text() == "["
    assert page.evaluate("() => studio.tune.versions.length") == 2
    page.evaluate("() => { studio.tune.undo(); }")
    page.wait_for_function("abc => document.querySelector('#abc textarea').value === abc", arg=REPEATED)
    page.wait_for_selector("#faults .error", state="detached")
    page.fill("#abc textarea", "")
    page.wait_for_function("() => document.getElementById('score-error').innerText.startsWith('no tune in it')")
    assert page.locator("#paper .abcjs-note").count() == 0
    assert page.locator("#play").is_disabled()


def test_a_note_and_its_text_are_found_from_each_other(open_page):
    page = open_page()
    open_tune(page, REPEATED, "Six bars")
    page.click("#editor summary")
    page.locator("#paper .abcjs-note").nth(4).click(force=True)
    area = "document.querySelector('#abc textarea')"
    assert page.evaluate(f"() => {area}.value.slice({area}.selectionStart, {area}.selectionEnd)") == "c"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".pointed[data-note='3']")
