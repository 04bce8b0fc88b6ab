"use strict";
// The viewer's page. Data come as scripts, data/NAME.js, each of which calls take(NAME, value): a page that was
// opened from a disk may load scripts but not fetch files. The address after '#' holds what is shown.

const $ = (id) => document.getElementById(id);
const state = { item: 0, layer: 0, cut: false, threshold: 0.5, opacity: 0.55, bare: false };
let about = null;    // data/about.js
let current = null;  // the item that is shown

// ---- data

const loads = new Map();  // name -> {promise, resolve}, the last few

function take(name, value) {
  loads.get(name)?.resolve(value);
}

function load(name) {
  if (loads.has(name)) return loads.get(name).promise;
  const entry = {};
  entry.promise = new Promise((resolve, reject) => {
    entry.resolve = resolve;
    const script = document.createElement("script");
    script.src = `data/${name}.js`;
    script.onload = () => script.remove();
    script.onerror = () => {
      script.remove();
      loads.delete(name);
      reject(new Error(`data/${name}.js could not be read; is the viewer still running?`));
    };
    document.head.append(script);
  });
  loads.set(name, entry);
  if (loads.size > 40) loads.delete([...loads.keys()].find((key) => key !== "about" && key !== name));
  return entry.promise;
}

// ---- small things

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const nameOf = (label) => label === about.ignore ? "ignored" : about.classes[label] ?? `class ${label}`;

function colourOf(label) {
  if (label === about.ignore) return [224, 224, 224];
  const hex = parseInt((about.colours[label] ?? "#808080").slice(1), 16);
  return [hex >> 16, (hex >> 8) & 255, hex & 255];
}

// ---- layers: what they are worth, pixel by pixel

function labelsOf(layer) {
  const labels = new Int32Array(layer.width * layer.height);
  for (let i = 0, at = 0; i < layer.runs.length; i += 2) {
    labels.fill(layer.runs[i], at, at + layer.runs[i + 1]);
    at += layer.runs[i + 1];
  }
  return labels;
}

function bytesOf(layer) {
  return Uint8Array.from(atob(layer.values), (c) => c.charCodeAt(0));
}

// Strength of each of the 256 values of a map: itself, or the share of pixels below it (the rule's "rank").
function strengths(values) {
  const strength = Float64Array.from({ length: 256 }, (_, v) => v / 255);
  if (about.measure !== "rank") return strength;
  const counts = new Float64Array(256);
  for (const v of values) counts[v] += 1;
  for (let v = 0, below = 0; v < 256; below += counts[v], ++v) strength[v] = below / values.length;
  return strength;
}

// The mask that a rule MEASURE:threshold makes of maps of one size: the strongest class where it reaches the
// threshold, the background elsewhere, ignored where two classes tie.
function maskOf(maps) {
  const labels = new Int32Array(maps[0].width * maps[0].height).fill(about.background);
  const best = new Float64Array(labels.length).fill(-1);
  for (const map of maps) {
    const values = bytesOf(map), strength = strengths(values);
    for (let i = 0; i < labels.length; ++i) {
      const s = strength[values[i]];
      if (s < state.threshold || s < best[i]) continue;
      labels[i] = s === best[i] ? about.ignore : map.label;
      best[i] = s;
    }
  }
  return labels;
}

// Consensus maps of several classes make a mask together; a member's or an explainer's map stands for itself.
function mapsWith(layer) {
  return layer.together ? current.layers.filter((one) => one.together) : [layer];
}

// ---- drawing

function paint(width, height, colour) {
  const canvas = $("overlay");
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; ++i) image.data.set(colour(i), 4 * i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function drawLabels(layer, labels) {
  const colours = new Map(), counts = new Map();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  for (const label of counts.keys())
    colours.set(label, [...colourOf(label), label === about.background ? 0 : 255]);
  paint(layer.width, layer.height, (i) => colours.get(labels[i]));
  $("shares").replaceChildren(...[...counts].sort((a, b) => b[1] - a[1]).flatMap(([label, count]) => {
    const box = element("i");
    box.style.backgroundColor = `rgb(${colourOf(label)})`;
    return [box, element("span", `${nameOf(label)} ${percent(count / labels.length)}`), " "];
  }));
}

function drawMap(layer) {
  const values = bytesOf(layer), ramp = about.ramp;
  paint(layer.width, layer.height, (i) => [...ramp.slice(3 * values[i], 3 * values[i] + 3), 255]);
  const range = layer.together ? "from 0 to 1" : "scaled over its own range";
  $("shares").replaceChildren(element("span", `${range}, dark to bright`));
}

function draw() {
  $("overlay").style.opacity = state.bare ? 0 : state.opacity;
  $("threshold-value").textContent = state.threshold.toFixed(2);
  $("opacity-value").textContent = percent(state.opacity);
  const layer = current?.layers[state.layer];
  const is_map = layer?.kind === "map";
  $("cut").disabled = !is_map;
  $("threshold").disabled = !(is_map && state.cut);
  $("shares").replaceChildren();
  if (!layer) paint(1, 1, () => [0, 0, 0, 0]);
  else if (layer.kind === "labels") drawLabels(layer, labelsOf(layer));
  else if (state.cut) drawLabels(layer, maskOf(mapsWith(layer)));
  else drawMap(layer);
}

// ---- the rest of the page

function tableOf(head, rows) {
  const table = element("table");
  if (head) table.append(row("th", head));
  table.append(...rows.map((cells) => row("td", cells)));
  return table;
}
function row(tag, cells) {
  const made = element("tr");
  made.append(...cells.map((cell) => element(tag, cell)));
  return made;
}
const factRows = (facts) => facts.map((fact) => [fact.name, fact.value]);

function showNumbers() {
  const parts = [];
  if (current) {
    parts.push(element("h3", "This picture"), tableOf(null, factRows(current.facts)));
    for (const table of current.tables ?? [])
      parts.push(element("h3", table.title), tableOf(table.head, table.rows.map((one) => one.cells)));
  }
  parts.push(element("h3", "The folder"), tableOf(null, factRows(about.facts)));
  $("numbers").replaceChildren(...parts);
}

function showLayers() {
  const buttons = (current?.layers ?? []).map((layer, i) => {
    const label = element("label"), radio = element("input", undefined, { type: "radio", name: "layer" });
    radio.checked = i === state.layer;
    radio.onchange = () => change({ layer: i });
    label.append(radio, ` ${layer.name}`);
    return label;
  });
  $("layers").replaceChildren($("layers").firstElementChild, ...buttons);
}

async function showList() {
  const block = Math.floor(state.item / about.block);
  const list = $("list");
  if (list.dataset.block !== String(block)) {
    const { rows } = await load(`list-${block}`);
    list.dataset.block = block;
    list.replaceChildren(...rows.map((one, i) => {
      const entry = element("li"), button = element("button");
      button.append(element("span", one.name, { title: one.name }), element("span", one.note));
      button.onclick = () => change({ item: block * about.block + i });
      entry.append(button);
      return entry;
    }));
  }
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  const button = list.children[state.item % about.block]?.firstElementChild;
  button?.setAttribute("aria-current", "true");
  button?.scrollIntoView({ block: "nearest" });
}

function showPicture() {
  const picture = $("picture"), stage = $("stage");
  $("name").textContent = current.name;
  $("problem").textContent = current.problem ?? "";
  picture.alt = current.name;
  picture.className = current.upright ? "upright" : "";
  const [first] = current.layers;
  stage.style.setProperty("--width", current.width ?? first?.width ?? 4);
  stage.style.setProperty("--height", current.height ?? first?.height ?? 3);
  if (current.picture) picture.src = current.picture;
  else picture.removeAttribute("src");
}

async function showItem() {
  const wanted = state.item;
  $("number").value = wanted + 1;
  let item;
  try {
    item = await load(`item-${wanted}`);
  } catch (error) {
    item = { name: "", problem: error.message, facts: [], layers: [] };
  }
  if (wanted !== state.item) return;  // another one was asked for meanwhile
  current = item;
  state.layer = clamp(state.layer, 0, Math.max(0, item.layers.length - 1));
  showPicture();
  showLayers();
  showNumbers();
  draw();
  await showList();
  if (wanted + 1 < about.items) load(`item-${wanted + 1}`).catch(() => {});
}

// ---- what is shown, the address, the controls

function change(what) {
  const before = state.item;
  Object.assign(state, what);
  state.item = clamp(Math.round(state.item), 0, Math.max(0, about.items - 1));
  state.threshold = clamp(state.threshold, 0, 1);
  state.opacity = clamp(state.opacity, 0, 1);
  $("threshold").value = state.threshold;
  $("opacity").value = state.opacity;
  $("cut").checked = state.cut;
  const { item, layer, threshold, opacity } = state;
  const words = new URLSearchParams({ item: item + 1, layer: layer + 1, mask: Number(state.cut), threshold, opacity });
  history.replaceState(null, "", `#${words}`);
  if (before !== state.item || !current) return about.items > 0 ? showItem() : undefined;
  showLayers();
  draw();
}

function readAddress() {
  const words = new URLSearchParams(location.hash.slice(1));
  const number = (name, otherwise) => words.has(name) && isFinite(words.get(name)) ? Number(words.get(name)) : otherwise;
  return {
    item: number("item", 1) - 1,
    layer: Math.max(0, Math.round(number("layer", 1)) - 1),
    cut: number("mask", 0) === 1,
    threshold: number("threshold", about.threshold ?? 0.5),
    opacity: number("opacity", 0.55),
  };
}

const keys = {
  ArrowRight: () => change({ item: state.item + 1 }),
  ArrowLeft: () => change({ item: state.item - 1 }),
  PageDown: () => change({ item: state.item + 20 }),
  PageUp: () => change({ item: state.item - 20 }),
  Home: () => change({ item: 0 }),
  End: () => change({ item: about.items - 1 }),
  m: () => change({ cut: !state.cut }),
  "[": () => change({ threshold: Number((state.threshold - 0.05).toFixed(2)) }),
  "]": () => change({ threshold: Number((state.threshold + 0.05).toFixed(2)) }),
  "-": () => change({ opacity: Number((state.opacity - 0.1).toFixed(2)) }),
  "+": () => change({ opacity: Number((state.opacity + 0.1).toFixed(2)) }),
  " ": () => change({ bare: !state.bare }),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input[type=number]");
  const sliding = event.target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key);
  const pressing = event.target.matches("button, a, input") && event.key === " ";
  if (typing || sliding || pressing) return;
  const layer = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (layer >= 0 && layer < (current?.layers.length ?? 0)) change({ layer });
  else if (Object.hasOwn(keys, event.key)) keys[event.key]();
  else return;
  event.preventDefault();
}

async function start() {
  about = await load("about");
  $("count").textContent = `of ${about.items}`;
  $("number").max = about.items;
  $("reports").replaceChildren(...about.reports.map((path) =>
    element("a", path.replace(/^files\//, ""), { href: path.split("/").map(encodeURIComponent).join("/") })));
  $("cut").onchange = () => change({ cut: $("cut").checked });
  $("threshold").oninput = () => change({ threshold: Number($("threshold").value) });
  $("opacity").oninput = () => change({ opacity: Number($("opacity").value) });
  $("number").onchange = () => change({ item: Number($("number").value) - 1 });
  window.onhashchange = () => change(readAddress());
  document.onkeydown = onKey;
  showNumbers();
  change(readAddress());
}

window.take = take;
start().catch((error) => { $("problem").textContent = error.message; });
