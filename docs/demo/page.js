// The page around dbn.js and drawing.js: what is pressed, what is shown. No mathematics.

import { DBN, draw, generator, oneHot } from "./dbn.js";
import { Pad, bars, paint } from "../../dbnlab/course/drawing.js";

const N_TRACE = 300; // steps
const N_STRIP = 10; // pictures
const STRIP_EVERY = 10; // steps
const FRAME_BUDGET = 20; // ms for the steps of one frame
const TYPES = { Int8Array, Uint8Array, Float32Array };
const HALVES = {
  left: (place) => place % 28 < 14,
  right: (place) => place % 28 >= 14,
  upper: (place) => place < 392,
  lower: (place) => place >= 392,
};
const at = (id) => document.getElementById(id);

function decoded(key, value) {
  if (!value?.base64) return value;
  const letters = atob(value.base64);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return new TYPES[value.type](bytes.buffer);
}

const data = JSON.parse(at("data").textContent, decoded);
const dbn = new DBN(data.dbn);
const random = generator(Date.now());
const showLabels = bars(at("labels"), [..."0123456789"]);
const layers = [0, 1, 2].map((number) => at(`layer-${number}`));
const shown = { states: [], pointed: null, words: "" };
let image = new Float32Array(784); // what the network sees
let chain = null; // of a dream
let playing = false;

// Thinking ------------------------------------------------------------------------------------------

function show(mode, states, labelLogProbabilities) {
  const probabilities = labelLogProbabilities.map(Math.exp);
  Object.assign(shown, { states, words: mode === "dreaming" ? "state" : "probability of being on" });
  at("mode").textContent = mode;
  showLabels(probabilities);
  states.forEach((layer, number) => paint(layers[number], layer, +layers[number].dataset.columns));
  if (shown.pointed) describe(...shown.pointed);
  return probabilities;
}

function think() {
  pause();
  chain = null;
  at("steps").textContent = 0;
  const [h1, h2] = dbn.up(image);
  const { h3, pixels } = dbn.reconstruct(h2);
  const probabilities = show("thinking", [h1, h2, h3], dbn.labelLogProbabilities(h2));
  paint(at("seen"), image, 28);
  paint(at("rebuilt"), pixels, 28);
  const best = probabilities.indexOf(Math.max(...probabilities));
  const empty = image.every((value) => value === 0);
  at("answer").textContent = empty
    ? "The pad is empty, and even that has some most probable label."
    : `It reads a ${best}, with probability ${probabilities[best].toFixed(3)}.`;
}

// Drawing faster than the network thinks must not pile up work.
let waiting = false;
const pad = new Pad(at("pad"), () => {
  pressed(null);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    image = pad.image();
    think();
  });
});

at("clear").onclick = () => {
  pad.clear();
  pressed(null);
  image = new Float32Array(784);
  think();
};
at("pen").oninput = (event) => (pad.penWidth = +event.target.value);

const buttons = data.images.labels.map((label, k) => {
  const pixels = Float32Array.from(data.images.pixels.subarray(784 * k, 784 * (k + 1)), (p) => p / 255);
  const button = document.createElement("button");
  const small = document.createElement("canvas");
  paint(small, pixels, 28);
  Object.assign(button, { type: "button", title: `test image ${data.images.rows[k]}: a ${label}` });
  button.setAttribute("aria-label", button.title);
  button.append(small);
  button.onclick = () => {
    pad.show(pixels);
    pressed(button);
    image = pixels;
    think();
  };
  return button;
});
at("images").append(...buttons);

function pressed(button) {
  for (const each of buttons) each.setAttribute("aria-pressed", each === button);
}

// One unit ------------------------------------------------------------------------------------------

function describe(layer, unit) {
  const value = shown.states[layer][unit];
  const digits = shown.words === "state" ? 0 : 2;
  at("unit").textContent = `Layer ${layer + 1}, unit ${unit}: ${shown.words} ${value.toFixed(digits)}`;
}

function point(layer, unit) {
  const field = dbn.receptiveField(layer, unit);
  const largest = Math.max(...field.map(Math.abs));
  paint(at("field"), field, 28, -largest, largest);
  shown.pointed = [layer, unit];
  describe(layer, unit);
}

layers.forEach((canvas, layer) => {
  const columns = +canvas.dataset.columns;
  const nUnits = () => shown.states[layer].length;
  const follow = (event) => {
    const { left, top, width } = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - left, event.clientY - top].map((p) => Math.floor((p * columns) / width));
    const unit = y * columns + x;
    if (x >= 0 && x < columns && unit >= 0 && unit < nUnits()) point(layer, unit);
  };
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const from = shown.pointed?.[0] === layer ? shown.pointed[1] : -moves[event.key];
    const unit = from + moves[event.key];
    if (unit >= 0 && unit < nUnits()) point(layer, unit);
  });
});

// Dreaming ------------------------------------------------------------------------------------------

const clamped = () => {
  const { value } = document.querySelector("#clamp input:checked");
  return value === "" ? null : +value;
};

function begin() {
  const half = HALVES[at("erase").value];
  const known = half && [...image].map((value, place) => (half(place) ? null : value));
  let state = dbn.noise(random);
  if (known || at("start").value === "image") {
    const pixels = known ? Float32Array.from(known, (value) => value ?? 0) : image;
    const [h1, h2] = dbn.up(pixels, random);
    const label = dbn.labelLogProbabilities(h2).map(Math.exp);
    state = { h1, h2, pixels, label: oneHot(label.indexOf(Math.max(...label)), 10) };
  }
  if (clamped() !== null) state.label = oneHot(clamped(), 10);
  state.h3 = draw(dbn.topMean(state.h2, state.label), random);
  chain = { known, n: 0, trace: [], strip: [], ...state };
  if (!known) look();
  remember();
}

// One way down, which is no part of the chain: the pixels as means, all above as states.
function look() {
  const [h1, pixels] = dbn.down(chain.h2, random);
  Object.assign(chain, { h1, pixels });
}

function step() {
  const options = { clamped: clamped(), temperature: +at("temperature").value };
  Object.assign(
    chain,
    chain.known ? dbn.complete(chain, chain.known, random, options) : dbn.step(chain, random, options),
  );
  chain.n += 1;
  if (!chain.known && chain.n % STRIP_EVERY === 0) look();
  remember();
}

function remember() {
  chain.trace = [...chain.trace.slice(1 - N_TRACE), dbn.freeEnergy(chain.h2, chain.label)];
  if (chain.n % STRIP_EVERY === 0) chain.strip = [...chain.strip.slice(1 - N_STRIP), chain.pixels];
}

function showDream() {
  show("dreaming", [chain.h1, chain.h2, chain.h3], dbn.labelLogProbabilities(chain.h2));
  paint(at("picture"), chain.pixels, 28);
  at("steps").textContent = chain.n;
  chain.strip.forEach((pixels, k) => paint(at("strip").children[k], pixels, 28));
  for (let k = chain.strip.length; k < N_STRIP; k++) paint(at("strip").children[k], [0], 1);
  showTrace(chain.trace);
}

function showTrace(values) {
  const canvas = at("trace");
  const [width, height] = [(canvas.width = canvas.clientWidth), (canvas.height = canvas.clientHeight)];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const context = canvas.getContext("2d");
  Object.assign(context, { lineWidth: 1.5, strokeStyle: getComputedStyle(at("mode")).color });
  context.beginPath();
  values.forEach((value, k) => {
    const share = high > low ? (value - low) / (high - low) : 0.5;
    context.lineTo((k / (N_TRACE - 1)) * width, height - 3 - share * (height - 6));
  });
  context.stroke();
  at("low").textContent = `lowest ${low.toFixed(0)} nats`;
  at("high").textContent = `highest ${high.toFixed(0)} nats`;
}

let lastStep = 0;
function frame(now) {
  if (!playing) return;
  const [count, per] = at("speed").value.split(" ");
  if (per === "frame") {
    const start = performance.now();
    for (let k = 0; k < +count && performance.now() - start < FRAME_BUDGET; k++) step();
  } else if (now - lastStep >= 1000 / +count) {
    lastStep = now;
    step();
  }
  if (!chain.known && chain.n % STRIP_EVERY) look();
  showDream();
  requestAnimationFrame(frame);
}

function pause() {
  playing = false;
  at("play").textContent = "Play";
}

function dream() {
  at("answer").textContent = "The states of the chain, one step after the other.";
  if (!chain) begin();
}

at("play").onclick = () => {
  if (playing) return pause();
  dream();
  playing = true;
  at("play").textContent = "Pause";
  requestAnimationFrame(frame);
};
at("single").onclick = () => {
  pause();
  dream();
  step();
  if (!chain.known) look();
  showDream();
};
at("again").onclick = () => {
  chain = null;
  dream();
  showDream();
};
for (const id of ["start", "erase"]) at(id).onchange = at("again").onclick;
at("temperature").oninput = (event) => (at("t").textContent = (+event.target.value).toFixed(2));

["none", ..."0123456789"].forEach((name, k) => {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "clamp", value: k ? name : "", checked: k === 0 });
  radio.onchange = () =>
    [...at("labels").children].forEach((row, n) => row.classList.toggle("held", n === clamped()));
  label.append(radio, name);
  at("clamp").append(label);
});
at("strip").append(...Array.from({ length: N_STRIP }, () => document.createElement("canvas")));
if (matchMedia("(prefers-reduced-motion: reduce)").matches) at("speed").value = "1 second";
paint(at("picture"), [0], 1);
buttons[3].onclick();
