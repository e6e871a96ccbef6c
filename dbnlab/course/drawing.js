// A pad to draw a digit on, and pictures of what a network makes of it: for the widget of
// drawing.py, whose entrance is `render` at the end, and for the page in docs/demo.

const SIDE = 28; // of an image of MNIST
const BOX = 20; // that its digits are scaled to
const FAINT = 0.1; // ink below this does not count for the size of a digit

// Grey values of a drawing as in MNIST: the digit scaled into a box of 20 pixels, its shape kept,
// and moved by whole pixels until its centre of mass lies in pixel 14 of 28, counted from 0.
export function centred(ink, width) {
  const inked = [];
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  ink.forEach((value, place) => {
    const [x, y] = [place % width, Math.floor(place / width)];
    if (value > 0) inked.push([x, y, value]);
    if (value <= FAINT) return;
    [left, right] = [Math.min(left, x), Math.max(right, x + 1)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y + 1)];
  });
  const image = new Float32Array(SIDE * SIDE);
  if (right < left) return image;
  const scale = Math.min(1, BOX / Math.max(right - left, bottom - top));
  let [mass, massX, massY] = [0, 0, 0];
  for (const [x, y, value] of inked) {
    mass += value;
    massX += value * (x + 0.5 - left) * scale;
    massY += value * (y + 0.5 - top) * scale;
  }
  const startX = Math.ceil(SIDE / 2 - massX / mass);
  const startY = Math.ceil(SIDE / 2 - massY / mass);
  for (const [x, y, value] of inked)
    for (const [row, high] of overlaps(startY + (y - top) * scale, scale))
      for (const [column, wide] of overlaps(startX + (x - left) * scale, scale))
        image[row * SIDE + column] += value * high * wide;
  return image.map((value) => Math.min(1, value));
}

// The pixels that the interval from `start` covers, each with the length that lies in it.
function overlaps(start, length) {
  const end = start + length;
  const first = Math.floor(start);
  const border = Math.min(end, first + 1);
  return [
    [first, border - start],
    [first + 1, end - border],
  ].filter(([pixel, covered]) => covered > 0 && pixel >= 0 && pixel < SIDE);
}

// Values as grey pixels, one canvas pixel each; `low` is black and `high` is white.
export function paint(canvas, values, columns, low = 0, high = 1) {
  const rows = Math.ceil(values.length / columns);
  if (canvas.width !== columns || canvas.height !== rows)
    [canvas.width, canvas.height] = [columns, rows];
  const picture = new ImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const grey = (255 * (values[i] - low)) / (high - low);
    picture.data.set([grey, grey, grey, 255], 4 * i);
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

// A row for each class with its name, a bar and a number; returns what shows probabilities.
export function bars(list, names) {
  const rows = names.map((name) => {
    const row = document.createElement("li");
    const parts = ["name", "bar", "number"].map((part) => {
      const span = document.createElement("span");
      span.className = part;
      return span;
    });
    parts[0].textContent = name;
    row.append(...parts);
    return row;
  });
  list.replaceChildren(...rows);
  return (probabilities) => {
    const largest = Math.max(...probabilities);
    rows.forEach((row, k) => {
      row.classList.toggle("largest", probabilities[k] === largest);
      row.style.setProperty("--p", probabilities[k]);
      row.lastChild.textContent = probabilities[k].toFixed(2);
    });
  };
}

// White ink on a black canvas, by mouse, finger, stylus, or by arrow keys: space lowers and lifts
// the pen. `changed` is called after each piece of a stroke.
export class Pad {
  constructor(canvas, changed) {
    Object.assign(this, { canvas, changed, penWidth: 24, pen: null, drawing: false });
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    // Shows where the pen is that the arrow keys move.
    this.mark = document.createElement("span");
    this.mark.className = "pen";
    canvas.after(this.mark);
    canvas.style.touchAction = "none";
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.focus();
      canvas.setPointerCapture(event.pointerId);
      this.drawing = true;
      this.line(this.place(event), this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.drawing || !canvas.hasPointerCapture(event.pointerId)) return;
      for (const point of event.getCoalescedEvents?.() ?? []) this.line(this.pen, this.place(point));
      this.line(this.pen, this.place(event));
    });
    for (const kind of ["pointerup", "pointercancel"])
      canvas.addEventListener(kind, () => (this.drawing = false));
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.clear();
  }

  place(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (event.key === " ") this.down = !this.down;
    if (!move && event.key !== " ") return;
    event.preventDefault();
    const { width } = this.canvas;
    const from = this.pen ?? [width / 2, width / 2];
    const inside = (x) => Math.min(width, Math.max(0, x));
    const to = move ? from.map((x, axis) => inside(x + (width / SIDE) * move[axis])) : from;
    if (this.down) this.line(from, to);
    this.pen = to;
    const percent = (x) => `${(100 * x) / width}%`;
    this.mark.hidden = false;
    this.mark.classList.toggle("down", this.down);
    Object.assign(this.mark.style, { left: percent(to[0]), top: percent(to[1]) });
  }

  line(from, to) {
    Object.assign(this.context, { lineCap: "round", lineWidth: this.penWidth, strokeStyle: "#fff" });
    this.context.beginPath();
    this.context.moveTo(...from);
    this.context.lineTo(...to);
    this.context.stroke();
    this.pen = to;
    this.changed();
  }

  clear() {
    const { width, height } = this.canvas;
    this.context.fillStyle = "#000";
    this.context.fillRect(0, 0, width, height);
    Object.assign(this, { pen: null, down: false });
    this.mark.hidden = true;
  }

  // An image of MNIST as if it had been drawn.
  show(image) {
    const small = document.createElement("canvas");
    paint(small, image, SIDE);
    this.clear();
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
  }

  image() {
    const { width, height } = this.canvas;
    const { data } = this.context.getImageData(0, 0, width, height);
    return centred(Float32Array.from({ length: width * height }, (_, i) => data[4 * i] / 255), width);
  }
}

// The widget ----------------------------------------------------------------------------------------

function element(parent, tag, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}

const greys = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

function picture(parent, title) {
  const figure = element(parent, "figure");
  const canvas = element(figure, "canvas", { role: "img", ariaLabel: title });
  element(figure, "figcaption", { textContent: title });
  return canvas;
}

function render({ model, el }) {
  el.classList.add("dbnlab-pad");
  const left = element(el, "div");
  const board = element(left, "div", { className: "board" });
  const canvas = element(board, "canvas", { width: 280, height: 280, tabIndex: 0 });
  canvas.setAttribute("role", "application");
  canvas.ariaLabel = "Drawing pad. Arrow keys move the pen, space lowers and lifts it.";
  const seen = picture(element(el, "div"), "what the model sees");
  const answers = element(el, "div", { className: "answers" });

  let mine = null; // what was sent last, which the kernel need not show here
  const send = () => {
    mine = Uint8Array.from(pad.image(), (value) => Math.round(255 * value));
    paint(seen, mine, SIDE, 0, 255);
    model.set("drawn", new DataView(mine.buffer));
    model.save_changes();
  };
  let waiting = false;
  const pad = new Pad(canvas, () => {
    if (!waiting) requestAnimationFrame(() => ((waiting = false), send()));
    waiting = true;
  });
  const row = element(left, "div", { className: "row" });
  const clear = element(row, "button", { type: "button", textContent: "Clear" });
  clear.onclick = () => (pad.clear(), send());
  const pen = element(element(row, "label", { textContent: "Pen " }), "input");
  Object.assign(pen, { type: "range", min: 8, max: 48, value: pad.penWidth });
  pen.oninput = () => (pad.penWidth = +pen.value);

  const draw = () => {
    const image = greys(model.get("drawn"));
    if (mine && image.every((value, place) => value === mine[place])) return;
    mine = image;
    pad.show(Float32Array.from(image, (value) => value / 255));
    paint(seen, image, SIDE, 0, 255);
  };
  const answer = () => {
    const { classes, probabilities, layers } = model.get("answer");
    answers.replaceChildren();
    if (classes) bars(element(answers, "ol"), classes)(probabilities);
    for (const { title, columns, values } of layers ?? [])
      paint(picture(answers, title), greys(values), columns, 0, 255);
  };
  model.on("change:drawn", draw);
  model.on("change:answer", answer);
  draw();
  answer();
  const stop = model.get("film").byteLength ? player(model, element(el, "div")) : () => {};
  return () => {
    stop();
    model.off("change:drawn", draw);
    model.off("change:answer", answer);
  };
}

// A film of pictures: played, or moved by hand.
function player(model, parent) {
  const frames = greys(model.get("film"));
  const canvas = picture(parent, "film");
  const caption = canvas.nextSibling;
  const row = element(parent, "div", { className: "row" });
  const button = element(row, "button", { type: "button", textContent: "Play" });
  const place = element(row, "input", { type: "range", min: 1, value: 1, ariaLabel: "picture" });
  place.max = frames.length / SIDE ** 2;
  const show = () => {
    paint(canvas, frames.subarray(SIDE ** 2 * (place.value - 1), SIDE ** 2 * place.value), SIDE, 0, 255);
    caption.textContent = `picture ${place.value} of ${place.max}`;
  };
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = "Play";
  };
  button.onclick = () => {
    if (timer) return stop();
    if (place.value === place.max) place.value = 0;
    button.textContent = "Pause";
    timer = setInterval(() => {
      place.value = +place.value + 1;
      show();
      if (place.value === place.max) stop();
    }, 100);
  };
  place.oninput = show;
  show();
  return stop;
}

export default { render };
