// The live part of the page: speak a text, recognise a recording. No library, no internet.
// What was made beforehand is drawn and played from file:// too; the controls need `speechlab capstone serve`.
"use strict";
(() => {
  const COLUMNS = 400; // of a drawn waveform
  const RECORDING_RATE = 16000; // Hz, of what the microphone gives

  const make = (tag, className = "", text = "") => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  };
  const seconds = (time) => `${time.toFixed(2)} s`;

  // --- waveform, words, times -------------------------------------------------------------------

  const outline = (peaks) => {
    const above = peaks.map((peak, k) => `${k} ${(50 - 48 * peak).toFixed(1)}`);
    const below = peaks.map((peak, k) => `${k} ${(50 + 48 * peak).toFixed(1)}`).reverse();
    return `M${above.join("L")}L${below.join("L")}Z`;
  };

  const drawWave = (data, play) => {
    const wave = make("div", "wave");
    wave.setAttribute("aria-hidden", "true"); // the list of times says the same
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", `0 0 ${Math.max(data.peaks.length - 1, 1)} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    const path = document.createElementNS(space, "path");
    if (data.peaks.length) path.setAttribute("d", outline(data.peaks));
    svg.append(path);
    const place = (element, start, end) => {
      element.style.left = `${(100 * start) / data.seconds}%`;
      if (end !== undefined) element.style.width = `${(100 * (end - start)) / data.seconds}%`;
      wave.append(element);
    };
    for (const span of data.spans) {
      const box = make("span", data.phones ? "span phone" : "span", span.label);
      box.title = `${span.label}, ${seconds(span.start)} to ${seconds(span.end)}`;
      if (!data.phones) box.addEventListener("click", () => play(span));
      place(box, span.start, span.end);
    }
    wave.append(svg);
    const step = [0.25, 0.5, 1, 2, 5, 10, 20].find((size) => data.seconds / size <= 8) || 20;
    for (let time = 0; time < data.seconds; time += step) place(make("span", "tick", `${time} s`), time);
    const now = make("span", "now");
    wave.append(now);
    return { wave, now };
  };

  // Draw what was heard into `box`: a waveform with words over it, and a list of words to play.
  // data: {seconds, peaks in [0, 1], spans: [{label, start, end}], phones: true for a list without buttons}
  const show = (box, data, audio) => {
    let stopAt = Infinity;
    let frame = 0;
    const play = (span) => {
      stopAt = span.end;
      audio.currentTime = span.start;
      audio.play();
    };
    const { wave, now } = drawWave(data, play);
    const follow = () => {
      if (audio.currentTime >= stopAt) audio.pause();
      now.style.visibility = audio.currentTime > 0 ? "visible" : "hidden";
      now.style.left = `${(100 * audio.currentTime) / data.seconds}%`;
      if (!audio.paused) frame = requestAnimationFrame(follow);
    };
    audio.addEventListener("play", () => { cancelAnimationFrame(frame); follow(); });
    audio.addEventListener("pause", () => { stopAt = Infinity; });
    audio.addEventListener("seeked", follow);
    const parts = [wave];
    if (!data.phones) {
      const list = make("ol", "times");
      for (const span of data.spans) {
        const item = make("li");
        const button = make("button", "", span.label);
        button.type = "button";
        button.setAttribute("aria-label", `play ${span.label}, ${seconds(span.start)} to ${seconds(span.end)}`);
        button.addEventListener("click", () => play(span));
        item.append(button, `${span.start.toFixed(2)} to ${seconds(span.end)}`);
        list.append(item);
      }
      parts.push(list);
    }
    box.replaceChildren(...parts);
  };

  for (const box of document.querySelectorAll("[data-heard]")) {
    const audio = box.closest("li").querySelector("audio");
    show(box, JSON.parse(box.dataset.heard), audio);
  }

  // --- sound ------------------------------------------------------------------------------------

  const decode = (bytes) => new OfflineAudioContext(1, 1, RECORDING_RATE).decodeAudioData(bytes);

  const mono = (buffer) => {
    const mixed = new Float32Array(buffer.length);
    for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
      const samples = buffer.getChannelData(channel);
      for (let k = 0; k < mixed.length; k++) mixed[k] += samples[k] / buffer.numberOfChannels;
    }
    return mixed;
  };

  const peaksOf = (samples) => {
    const columns = Math.min(COLUMNS, samples.length);
    const peaks = new Array(columns).fill(0);
    for (let k = 0; k < samples.length; k++) {
      const column = Math.min(columns - 1, Math.floor((k * columns) / samples.length));
      peaks[column] = Math.max(peaks[column], Math.abs(samples[k]));
    }
    const largest = Math.max(...peaks, 1e-9);
    return peaks.map((peak) => peak / largest);
  };

  // Peaks to draw; none if this browser cannot read the format, which the server may still can.
  const peaksIn = async (blob) => {
    try {
      return peaksOf(mono(await decode(await blob.arrayBuffer())));
    } catch {
      return [];
    }
  };

  // A 16-bit WAV file with one channel.
  const wavFile = (samples, rate) => {
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const word = (at, text) => [...text].forEach((letter, k) => view.setUint8(at + k, letter.charCodeAt(0)));
    word(0, "RIFF");
    view.setUint32(4, 36 + 2 * samples.length, true);
    word(8, "WAVEfmt ");
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true); // PCM
    view.setUint16(22, 1, true); // channels
    view.setUint32(24, rate, true);
    view.setUint32(28, 2 * rate, true); // bytes a second
    view.setUint16(32, 2, true); // bytes a sample
    view.setUint16(34, 16, true); // bits
    word(36, "data");
    view.setUint32(40, 2 * samples.length, true);
    samples.forEach((sample, k) => {
      view.setInt16(44 + 2 * k, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
    });
    return new Blob([view.buffer], { type: "audio/wav" });
  };

  // --- the server -------------------------------------------------------------------------------

  const ask = async (path, options = {}) => {
    let answer;
    try {
      answer = await fetch(`api/${path}`, options);
    } catch {
      throw new Error("The server does not answer: is `speechlab capstone serve` still running?");
    }
    if (answer.ok) return answer;
    let sentence = `The server answered with ${answer.status}.`;
    try {
      sentence = (await answer.json()).error || sentence;
    } catch {
      // no JSON: the number has to do
    }
    throw new Error(sentence);
  };

  const section = document.querySelector("[data-live]");
  if (!section) return;
  const get = (name) => section.querySelector(`[data-part="${name}"]`);
  const notice = get("notice");

  // While `work` runs the form is disabled; what goes wrong is said in its status line. The focus stays.
  const busy = async (form, status, first, work) => {
    const fieldset = form.querySelector("fieldset");
    const focused = document.activeElement;
    status.className = "status";
    status.textContent = first;
    fieldset.disabled = true;
    section.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      status.className = "status bad";
      status.textContent = `✗ ${error.message}`;
    } finally {
      fieldset.disabled = false;
      section.setAttribute("aria-busy", "false");
      if (fieldset.contains(focused)) focused.focus();
    }
  };

  const urls = new Map(); // element → its sound, given back when a new one comes
  const load = (audio, blob) => {
    if (urls.has(audio)) URL.revokeObjectURL(urls.get(audio));
    urls.set(audio, URL.createObjectURL(blob));
    audio.src = urls.get(audio);
  };
  const fresh = (label) => {
    const audio = make("audio");
    audio.controls = true;
    audio.setAttribute("aria-label", label);
    return audio;
  };

  // --- text in, speech out ----------------------------------------------------------------------

  const speak = (status) => {
    const form = get("speak");
    const line = get("speak-status");
    const list = get("voices");
    const text = form.elements.text;
    const sentence = form.elements.sentence;
    text.maxLength = status.longest_text;
    sentence.addEventListener("change", () => {
      if (sentence.value) text.value = sentence.value;
    });
    text.addEventListener("input", () => { sentence.value = ""; });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = text.value.trim();
      if (!said) {
        line.className = "status bad";
        line.textContent = "✗ Type a number or a sentence first.";
        text.focus();
        return;
      }
      busy(form, line, "Speaking …", async () => {
        for (const audio of list.querySelectorAll("audio")) URL.revokeObjectURL(urls.get(audio));
        list.replaceChildren();
        const started = performance.now();
        for (const [voice, name] of Object.entries(status.voices.names)) {
          line.textContent = `${name} speaks …`;
          const answer = await ask("speak", {
            method: "POST",
            headers: { "Content-Type": "application/json", Accept: "application/json" },
            body: JSON.stringify({ text: said, voice }),
          });
          const found = await answer.json();
          const bytes = Uint8Array.from(atob(found.wav), (letter) => letter.charCodeAt(0));
          const blob = new Blob([bytes], { type: "audio/wav" });
          const item = make("li");
          const audio = fresh(`${said}, ${name}`);
          load(audio, blob);
          const box = make("div", "heard");
          item.append(make("p", "said", name), audio, box);
          list.append(item);
          const spans = found.phones.map((phone) => ({ ...phone, label: phone.phone }));
          show(box, { seconds: found.seconds, peaks: await peaksIn(blob), spans, phones: true }, audio);
        }
        const took = (performance.now() - started) / 1000;
        line.textContent = `✓ “${said}” is spoken by ${list.children.length} voices, made in ${took.toFixed(1)} s. Press play.`;
      });
    });
  };

  // --- a recording in, words out ----------------------------------------------------------------

  const hear = (status, recordings) => {
    const form = get("hear");
    const line = get("hear-status");
    const result = get("result");
    const { recording, file, record } = form.elements;

    const recognise = async (blob, name) => {
      if (blob.size > status.largest_bytes) {
        const limit = Math.floor(status.largest_bytes / 2 ** 20);
        throw new Error(`${name} has ${(blob.size / 2 ** 20).toFixed(1)} MB, at most ${limit} MB are read.`);
      }
      const answer = await ask("transcribe", { method: "POST", body: blob });
      const found = await answer.json();
      const audio = fresh(name);
      load(audio, blob);
      const box = make("div", "heard");
      const words = make("p", "said");
      words.append("Heard: ", make("strong", "", found.text || "no word"));
      for (const old of result.querySelectorAll("audio")) URL.revokeObjectURL(urls.get(old));
      result.replaceChildren(words, audio, box);
      const spans = found.words.map((word) => ({ ...word, label: word.word }));
      show(box, { seconds: found.seconds, peaks: await peaksIn(blob), spans }, audio);
      line.textContent = `✓ ${name}: ${found.words.length} ${found.words.length === 1 ? "word" : "words"} in ${seconds(found.seconds)}: ${found.text || "nothing"}.`;
    };

    for (const entry of recordings) {
      const option = make("option", "", entry.name);
      option.value = entry.id;
      recording.append(option);
    }
    recording.closest(".row").hidden = recordings.length === 0;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const name = recording.selectedOptions[0].textContent;
      busy(form, line, "Listening …", async () => {
        const answer = await ask(`recordings/${encodeURIComponent(recording.value)}`);
        await recognise(await answer.blob(), name);
      });
    });
    file.addEventListener("change", () => {
      const chosen = file.files[0];
      if (!chosen) return;
      busy(form, line, "Listening …", async () => {
        let blob = chosen;
        if (!/\.(wav|flac|mp3|ogg)$/i.test(chosen.name)) {
          try { // what the server does not read, such as M4A or WebM, the browser may
            const sound = await decode(await chosen.arrayBuffer());
            blob = wavFile(mono(sound), sound.sampleRate);
          } catch {
            throw new Error(`${chosen.name} holds no sound that can be read: WAV, FLAC, MP3 or OGG, please.`);
          }
        }
        await recognise(blob, chosen.name);
      }).then(() => { file.value = ""; }); // so that the same file can be chosen again
    });

    // --- the microphone: recorded by the browser, sent as WAV ---
    if (!navigator.mediaDevices || !window.MediaRecorder) {
      record.hidden = true; // only on this machine (localhost) or over https
      return;
    }
    let recorder = null;
    record.addEventListener("click", async () => {
      if (recorder) {
        recorder.stop();
        return;
      }
      let stream;
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      } catch (error) {
        line.className = "status bad";
        line.textContent = `✗ The microphone cannot be used: ${error.message}`;
        return;
      }
      const pieces = [];
      recorder = new MediaRecorder(stream);
      const limit = setTimeout(() => recorder.stop(), 1000 * status.longest_seconds);
      recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
      recorder.addEventListener("stop", () => {
        clearTimeout(limit);
        for (const track of stream.getTracks()) track.stop();
        recorder = null;
        record.textContent = "Record";
        busy(form, line, "Listening …", async () => {
          const sound = await decode(await new Blob(pieces).arrayBuffer());
          await recognise(wavFile(mono(sound), sound.sampleRate), "your recording");
        });
      });
      recorder.start();
      record.textContent = "Stop";
      line.className = "status";
      line.textContent = "● Recording: say digits one after the other, then press Stop.";
    });
  };

  // --- begin ------------------------------------------------------------------------------------

  const begin = async () => {
    let status, recordings;
    try {
      status = await (await ask("status")).json();
      recordings = await (await ask("recordings")).json();
    } catch {
      return; // the notice that stands there says what to do
    }
    notice.textContent = status.problems.join(" ");
    const yours = status.parts.filter((part) => part.by === "yours").length;
    get("whose").textContent = `The parts that answer: ${yours} yours, ${status.parts.length - yours} the reference's.`;
    if (status.voices) {
      const { sentence } = get("speak").elements;
      for (const text of (await (await ask("sentences")).json()).sentences) sentence.append(make("option", "", text));
      speak(status);
      get("speak").querySelector("fieldset").disabled = false;
    }
    if (status.recognizer) {
      hear(status, recordings);
      get("hear").querySelector("fieldset").disabled = false;
    }
    section.dataset.live = "on";
  };
  if (location.protocol.startsWith("http")) begin();
})();
