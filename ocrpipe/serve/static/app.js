"use strict";
// The page of `ocrpipe serve` and `ocrpipe review`: one state, drawn anew where it changes.

const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const SUFFIXES = /\.(png|jpe?g|jpe|jfif|tiff?|bmp|dib|gif|webp|jp2|j2k|j2c|jpx|p[pgbn]m|avif|hei[cf]|pdf)$/i;
const STEP = 1.25;

const state = {
  about: { mode: "read", formats: [], doubtful: 0.9 },
  documents: [], // {id, name, state, total, error, file, pages: [{number, confidence, ...}]}
  listed: [], total: 0, // of a review: pages, the worst first
  document: null, number: 0, // the page that is shown
  page: null, lines: [], texts: new Map(), // as read; and the corrected texts by index
  line: -1, found: new Set(),
  asked: 0, // how often a page was asked for
  zoom: 0, rotation: 0, // zoom 0 is the width of the view
  done: [], undone: [],
};

// -- the server

class Failure extends Error {
  constructor(status, body, headers) {
    super(body.detail || `the server answered ${status}`);
    this.status = status; this.body = body; this.headers = headers;
  }
}

async function call(path, options = {}) {
  let answer;
  try { answer = await fetch(path, options); } catch { throw new Failure(0, { detail: "the server does not answer" }); }
  if (answer.status === 401 && !options.headers?.Authorization) { await login(); return call(path, options); }
  if (!answer.ok) throw new Failure(answer.status, await answer.json().catch(() => ({})), answer.headers);
  return answer;
}

const json = async (path, options) => (await call(path, options)).json();
const place = (doc, number, line) =>
  `/v1/jobs/${doc.id}` + (number ? `/pages/${number}` : "") + (line === undefined ? "" : `/lines/${line}`);

async function startSession(token) {
  await call("/v1/session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

let asking = null;
function login() {
  asking ??= new Promise((resolve) => {
    $("login").showModal();
    $("login-form").onsubmit = async (event) => {
      event.preventDefault();
      try { await startSession($("token").value); } catch (error) { $("login-title").textContent = error.message; return; }
      $("token").value = ""; $("login").close(); asking = null; resolve();
    };
  });
  return asking;
}

const tell = (message) => { $("status").textContent = message; };
const report = (error) => { tell(error.message); };

// -- documents

async function addFiles(files) {
  const wanted = files.filter((file) => SUFFIXES.test(file.name) || file.type.startsWith("image/"));
  if (!wanted.length) { tell("no scan and no PDF among these files"); return; }
  const added = wanted.map((file) => ({ id: null, name: file.webkitRelativePath || file.relative || file.name, state: "waiting", total: null, error: null, file, pages: [] }));
  state.documents.push(...added);
  drawPages();
  for (const doc of added) await submit(doc);
}

async function submit(doc) {
  if (doc.state === "cancelled") return;
  if (doc.file.size > state.about.max_body) { fail(doc, `larger than ${Math.floor(state.about.max_body / 1e6)} MB`); return; }
  doc.state = "sending"; drawPages();
  const form = new FormData();
  form.append("file", doc.file, doc.file.name);
  try {
    const job = await json("/v1/jobs", { method: "POST", body: form });
    if (doc.state === "cancelled") { call(`/v1/jobs/${job.id}`, { method: "DELETE" }).catch(report); return; }
    doc.id = job.id; doc.state = job.state;
    remember();
    follow(doc);
  } catch (error) {
    if (error.status === 429) {
      doc.state = "waiting"; drawPages();
      await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(error.headers.get("Retry-After")) || 2)));
      return submit(doc);
    }
    fail(doc, error.message);
  }
}

function fail(doc, message) { doc.state = "failed"; doc.error = message; tell(`${doc.name}: ${message}`); drawPages(); }

function follow(doc) {
  const events = new EventSource(`/v1/jobs/${doc.id}/events`);
  const on = (name, act) => events.addEventListener(name, (event) => { act(JSON.parse(event.data)); drawPages(); });
  doc.events = events;
  on("started", (data) => { doc.total = data.total; });
  on("state", (data) => {
    doc.state = data.state; doc.error = data.error || null;
    if (data.state === "done") tell(`${doc.name}: ${doc.pages.length} page${doc.pages.length === 1 ? "" : "s"} read`);
    if (data.error) tell(`${doc.name}: ${data.error}`);
  });
  on("page", (data) => {
    if (!doc.pages.some((page) => page.number === data.number)) doc.pages.push(data);
    doc.pages.sort((a, b) => a.number - b.number);
    if (!state.asked && !data.error) show(doc, data.number);
  });
  on("end", () => { events.close(); if (doc.again) applyAgain(doc); });
  events.onerror = () => { if (events.readyState === EventSource.CLOSED) refresh(doc); };
}

async function refresh(doc) {
  try {
    const job = await json(`/v1/jobs/${doc.id}`);
    Object.assign(doc, { name: job.name, state: job.state, total: job.total, error: job.error });
    doc.pages = [...job.pages, ...job.failed].sort((a, b) => a.number - b.number);
    if (job.state === "queued" || job.state === "running") follow(doc);
  } catch (error) { await lost(doc, error); }
  drawPages();
}

// The server was restarted, or has dropped the job: this tab still has the file and what was corrected.
async function lost(doc, error) {
  if (error.status !== 404 || !doc.file) { if (error.status === 404) fail(doc, "not kept by the server; open the file again"); else report(error); return; }
  tell(`${doc.name} is read again, since the server does not have it any more`);
  doc.again = doc.corrected || new Map(); doc.pages = []; doc.total = null;
  await submit(doc);
}

async function applyAgain(doc) {
  const again = doc.again; doc.again = null;
  for (const [key, text] of again) {
    const [number, line] = key.split("/");
    await put(doc, Number(number), Number(line), text).catch(report);
  }
  if (state.document === doc) await show(doc, state.number, state.line);
}

function remember() {
  const known = state.documents.filter((doc) => doc.id && doc.state !== "cancelled").map((doc) => [doc.id, doc.name]);
  try { sessionStorage.setItem("jobs", JSON.stringify(known)); } catch { /* private window */ }
}

async function restore() {
  let known = [];
  try { known = JSON.parse(sessionStorage.getItem("jobs") || "[]"); } catch { /* private window */ }
  for (const [id, name] of known) {
    const doc = { id, name, state: "done", total: null, error: null, file: null, pages: [] };
    state.documents.push(doc);
    await refresh(doc);
  }
  remember();
  const first = state.documents.find((doc) => doc.pages.some((page) => !page.error));
  if (first) show(first, first.pages.find((page) => !page.error).number);
}

async function cancel(doc) {
  doc.state = "cancelled"; doc.events?.close();
  if (doc.id) await call(`/v1/jobs/${doc.id}/cancel`, { method: "POST" }).catch(report);
  drawPages();
}

async function listMore() {
  const listed = await json(`/v1/pages?offset=${state.listed.length}&limit=100`);
  state.total = listed.total;
  for (const page of listed.pages) {
    let doc = state.documents.find((known) => known.id === page.id);
    if (!doc) { doc = { id: page.id, name: page.name, state: "done", pages: [], error: null }; state.documents.push(doc); }
    doc.pages.push(page);
    state.listed.push({ doc, page });
  }
  drawPages();
}

// -- pages

function order() {
  if (state.about.mode === "review") return state.listed.filter(({ page }) => page.state === "done");
  return state.documents.flatMap((doc) => doc.pages.filter((page) => !page.error).map((page) => ({ doc, page })));
}

async function show(doc, number, line = -1) {
  let answer;
  const asked = state.asked += 1;
  try { answer = await json(place(doc, number)); } catch (error) { await lost(doc, error); return false; }
  if (asked !== state.asked) return false; // another page was asked for meanwhile
  const moved = doc !== state.document || number !== state.number;
  Object.assign(state, { document: doc, number, page: answer.page, found: new Set() });
  state.lines = answer.page.paragraphs.flatMap((paragraph) => paragraph.lines.map((read, index) => ({ ...read, first: index === 0 })));
  state.texts = new Map(answer.corrections.map((correction) => [correction.line, correction.text]));
  if (moved) { state.rotation = answer.page.orientation; $("image").src = `${place(doc, number)}/image`; }
  state.line = line >= 0 && line < state.lines.length ? line : nextDoubtful(-1, 1);
  if (state.line < 0 && state.lines.length) state.line = 0;
  $("image").alt = `Page ${number} of ${doc.name}`;
  document.title = `${doc.name} – ocrpipe`;
  $("save").disabled = false;
  drawPages(); drawSheet(); drawOverlay(); drawLines(); drawLine();
  if (moved) { $("scroll").scrollTo(0, 0); reveal(); }
  return true;
}

async function movePage(by) {
  const pages = order();
  const at = pages.findIndex(({ doc, page }) => doc === state.document && page.number === state.number);
  const next = pages[at + by];
  if (next) await show(next.doc, next.page.number); else tell(by > 0 ? "this is the last page" : "this is the first page");
}

const textOf = (index) => state.texts.has(index) ? state.texts.get(index) : state.lines[index].text;
const charsOf = (line) => line.words.flatMap((word, index) => [...(index ? [{ text: " ", confidence: 1, space: true }] : []), ...word.chars]);
const doubtfulChars = (line) => line.words.flatMap((word) => word.chars).filter((char) => char.confidence < state.about.doubtful);
const isDoubtful = (index) => !state.texts.has(index) && doubtfulChars(state.lines[index]).length > 0;

function nextDoubtful(from, by) {
  for (let index = from + by; index >= 0 && index < state.lines.length; index += by) if (isDoubtful(index)) return index;
  return -1;
}

async function goDoubtful(by) {
  const index = nextDoubtful(state.line, by);
  if (index >= 0) { select(index); return; }
  const pages = order();
  let at = pages.findIndex(({ doc, page }) => doc === state.document && page.number === state.number) + by;
  for (; pages[at]; at += by) {
    await show(pages[at].doc, pages[at].page.number);
    const first = nextDoubtful(by > 0 ? -1 : state.lines.length, by);
    if (first >= 0) { select(first); return; }
  }
  tell(by > 0 ? "no doubtful line after this one" : "no doubtful line before this one");
}

function select(index, focusText = false) {
  if (index < 0 || index >= state.lines.length) return;
  state.line = index;
  drawOverlay(); drawLine(); markLine(); reveal();
  if (focusText) { $("text").focus(); $("text").select(); }
}

// -- corrections

async function put(doc, number, line, text, was) {
  const path = place(doc, number, line);
  if (text === null) return json(path, { method: "DELETE" });
  const body = JSON.stringify(was === undefined ? { text } : { text, was });
  return json(path, { method: "PUT", headers: { "Content-Type": "application/json" }, body });
}

async function change(doc, number, line, text, was) {
  try { await put(doc, number, line, text, was); } catch (error) {
    if (error.status === 409 && error.body.text !== undefined) {
      if (doc === state.document && number === state.number) await show(doc, number, line);
      tell("this line was corrected elsewhere meanwhile; its text is shown"); return false;
    }
    if (error.status === 404 && doc.file) { doc.corrected ??= new Map(); doc.corrected.set(`${number}/${line}`, text); await lost(doc, error); return false; }
    report(error); return false;
  }
  doc.corrected ??= new Map();
  if (text === null) doc.corrected.delete(`${number}/${line}`); else doc.corrected.set(`${number}/${line}`, text);
  const told = doc.pages.find((page) => page.number === number);
  if (doc === state.document && number === state.number) {
    if (text === null) state.texts.delete(line); else state.texts.set(line, text.trim().split(/\s+/).join(" "));
    if (told) told.corrected = state.texts.size;
    drawLines(); drawPages();
  }
  return true;
}

let accepting = false;
async function accept() {
  if (accepting || state.line < 0) return; // a key that is held down accepts once
  accepting = true;
  try { await acceptLine(); } finally { accepting = false; }
}

async function acceptLine() {
  const { document: doc, number, line } = state;
  const text = $("text").value, was = textOf(line);
  const before = state.texts.has(line) ? state.texts.get(line) : null;
  if (before !== text) {
    if (!await change(doc, number, line, text, was)) return;
    state.done.push({ doc, number, line, before, after: text }); state.undone = [];
    tell(text.trim() ? `line ${line + 1} accepted` : `line ${line + 1} is left out`);
  }
  $("text").blur();
  const next = nextDoubtful(line, 1);
  if (next >= 0) select(next); else { select(line); await goDoubtful(1); }
}

async function travel(from, to, key) {
  const step = from.pop();
  if (!step) { tell("nothing to undo or redo"); return; }
  if (step.doc !== state.document || step.number !== state.number) await show(step.doc, step.number, step.line);
  if (await change(step.doc, step.number, step.line, step[key])) { to.push(step); select(step.line); }
  drawLine();
}
const undo = () => travel(state.done, state.undone, "before");
const redo = () => travel(state.undone, state.done, "after");

// -- search

async function search() {
  const query = $("query").value.trim().toLowerCase();
  if (!query) { state.found = new Set(); drawOverlay(); return; }
  const matches = () => state.lines.map((_, index) => index).filter((index) => textOf(index).toLowerCase().includes(query));
  const pages = order();
  const start = pages.findIndex(({ doc, page }) => doc === state.document && page.number === state.number);
  for (let step = 0; step <= pages.length; step += 1) {
    if (step) { const { doc, page } = pages[(start + step) % pages.length]; if (!await show(doc, page.number)) return; }
    const all = matches(), index = all.find((at) => step > 0 || at > state.line) ?? (step === pages.length || pages.length === 1 ? all[0] : undefined);
    if (index !== undefined) { state.found = new Set(all); select(index); tell(`line ${index + 1} of page ${state.number}`); return; }
  }
  tell(`“${$("query").value}” was not found`);
}

// -- drawing

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const percent = (value) => value === null || value === undefined ? "–" : `${Math.floor(100 * value)} %`;

function pageButton(doc, page, title, under) {
  const button = make("button", { type: "button", className: "page" }, make("span", { textContent: title }), make("small", { textContent: page.lines ? `${(Math.floor(1000 * page.confidence) / 10).toFixed(1)} %` : "empty", title: "Mean confidence" }));
  if (under) button.append(make("span", { className: "under", textContent: under }));
  if (doc === state.document && page.number === state.number) button.setAttribute("aria-current", "page");
  button.onclick = () => show(doc, page.number).catch(report);
  return make("li", {}, button);
}

const corrections = (page) => page.corrected ? `${page.corrected} corrected` : "";

function drawPages() {
  const list = $("page-list"), items = [];
  if (state.about.mode === "review") {
    for (const { doc, page } of state.listed) {
      if (page.state === "done") items.push(pageButton(doc, page, `Page ${page.number}`, [doc.name, corrections(page)].filter(Boolean).join(" · ")));
      else items.push(make("li", { className: "wait bad", textContent: page.error.startsWith(doc.name) ? page.error : `${doc.name}${page.number ? `, page ${page.number}` : ""}: ${page.error}` }));
    }
    $("more").hidden = state.listed.length >= state.total;
  } else for (const doc of state.documents) {
    items.push(make("li", { className: "name", textContent: doc.name }));
    for (const page of doc.pages) {
      if (page.error) items.push(make("li", { className: "wait bad", textContent: `Page ${page.number}: ${page.error}` }));
      else items.push(pageButton(doc, page, `Page ${page.number}`, [page.doubtful ? `${page.doubtful} doubtful` : "", corrections(page)].filter(Boolean).join(" · ")));
    }
    if (["waiting", "sending", "queued", "running"].includes(doc.state)) {
      const words = { waiting: "waiting", sending: "sending", queued: "waiting", running: doc.total ? `${doc.pages.length} of ${doc.total}` : "reading" };
      const stop = make("button", { type: "button", textContent: "Cancel", ariaLabel: `Cancel ${doc.name}`, onclick: () => cancel(doc) });
      items.push(make("li", { className: "wait" }, make("span", { textContent: words[doc.state] }), stop));
      if (doc.total > 1) items.push(make("li", {}, make("progress", { max: doc.total, value: doc.pages.length, ariaLabel: `${doc.name}: pages read` })));
    } else if (doc.state === "failed") items.push(make("li", { className: "wait bad", textContent: doc.error || "failed" }));
    else if (doc.state === "cancelled") items.push(make("li", { className: "wait", textContent: "cancelled" }));
  }
  list.replaceChildren(...items);
  const pages = order(), at = pages.findIndex(({ doc, page }) => doc === state.document && page.number === state.number);
  $("where").textContent = state.document ? `${state.document.name} · ${state.number}` : "";
  $("previous-page").disabled = at <= 0; $("next-page").disabled = at < 0 || at >= pages.length - 1;
}

function scale() {
  const side = state.rotation % 180 ? state.page.height : state.page.width;
  const fit = Math.max(60, $("scroll").clientWidth - 28) / side;
  return state.zoom || fit;
}

function drawSheet() {
  if (!state.page) return;
  const factor = scale(), width = state.page.width * factor, height = state.page.height * factor;
  const sheet = $("sheet").style, turned = $("turned").style, across = state.rotation % 180 !== 0;
  $("empty").hidden = true; $("sheet").hidden = false;
  sheet.width = `${across ? height : width}px`; sheet.height = `${across ? width : height}px`;
  turned.width = `${width}px`; turned.height = `${height}px`;
  turned.transform = `translate(-50%, -50%) rotate(${state.rotation}deg)`;
  $("zoom").textContent = `${Math.round(100 * factor)} %`;
}

function setZoom(zoom) { if (state.page) { state.zoom = zoom && Math.min(8, Math.max(0.05, zoom)); drawSheet(); reveal(); } }

function polygon(quad, className) {
  const shape = document.createElementNS(SVG, "polygon");
  shape.setAttribute("points", quad.map((point) => point.join(",")).join(" "));
  shape.setAttribute("class", className);
  return shape;
}

function drawOverlay() {
  if (!state.page) return;
  const shapes = state.lines.map((line, index) => {
    const kinds = [state.texts.has(index) ? "corrected" : isDoubtful(index) ? "doubtful" : "", index === state.line ? "selected" : "", state.found.has(index) ? "found" : ""];
    const shape = polygon(line.quad, kinds.join(" "));
    shape.onclick = () => select(index);
    return shape;
  });
  const doubts = state.lines.flatMap((line, index) => state.texts.has(index) ? [] : doubtfulChars(line).map((char) => polygon(char.quad, "char")));
  $("overlay").setAttribute("viewBox", `0 0 ${state.page.width} ${state.page.height}`);
  $("overlay").setAttribute("preserveAspectRatio", "none");
  $("overlay").replaceChildren(...shapes, ...doubts);
}

function drawLines() {
  const items = state.lines.map((line, index) => {
    const button = make("button", { type: "button", onclick: () => select(index), ondblclick: () => select(index, true) });
    if (state.texts.has(index)) {
      const text = state.texts.get(index);
      button.className = text ? "corrected" : "corrected removed";
      button.append(text || line.text, make("span", { className: "hidden", textContent: text ? " (corrected)" : " (left out)" }));
    } else for (const char of charsOf(line)) {
      button.append(char.confidence < state.about.doubtful ? make("mark", { textContent: char.text, title: percent(char.confidence) }) : char.text);
    }
    return make("li", { className: line.first && index ? "first" : "" }, button);
  });
  $("lines").replaceChildren(...items);
  const doubtful = state.lines.filter((_, index) => isDoubtful(index)).length;
  $("lines-title").textContent = `${state.lines.length} lines, ${doubtful} doubtful, ${state.texts.size} corrected`;
  markLine();
}

function markLine() {
  [...$("lines").children].forEach((item, index) => {
    if (index === state.line) item.firstChild.setAttribute("aria-current", "true"); else item.firstChild.removeAttribute("aria-current");
  });
}

function drawLine() {
  const index = state.line, line = state.lines[index];
  $("line").hidden = !line;
  $("undo").disabled = !state.done.length; $("redo").disabled = !state.undone.length;
  if (!line) return;
  const corrected = state.texts.has(index), doubts = doubtfulChars(line).length;
  $("crop").src = `${place(state.document, state.number, index)}/image`;
  $("line-number").textContent = `${index + 1} of ${state.lines.length}`;
  $("text").value = textOf(index);
  $("line-state").textContent = corrected ? (textOf(index) === line.text ? "accepted" : "corrected") : doubts ? `${doubts} doubtful` : percent(line.confidence);
  $("line-state").className = corrected ? "corrected" : doubts ? "doubtful" : "";
  $("read-text").hidden = textOf(index) === line.text; $("read").textContent = line.text;
  $("chars").replaceChildren(...charsOf(line).map((char) => char.space ? make("li", { className: "space", ariaHidden: "true" })
    : make("li", { className: char.confidence < state.about.doubtful ? "doubt" : "" }, char.text, make("small", { textContent: Math.floor(100 * char.confidence), ariaLabel: percent(char.confidence) }))));
}

function reveal() {
  const shape = $("overlay").querySelector(".selected"), view = $("scroll").getBoundingClientRect();
  if (!shape) return;
  const box = shape.getBoundingClientRect();
  if (box.top < view.top + 20 || box.bottom > view.bottom - 20) $("scroll").scrollBy(0, box.top - view.top - view.height / 3);
  if (box.left < view.left || (box.right > view.right && box.width < view.width)) $("scroll").scrollBy(box.left - view.left - 20, 0);
  const panel = $("panel"), item = $("lines").children[state.line];
  if (!item || panel.scrollHeight <= panel.clientHeight) return;
  const top = $("line").getBoundingClientRect().bottom, place = item.getBoundingClientRect(), edge = panel.getBoundingClientRect();
  if (place.top < top || place.bottom > edge.bottom) panel.scrollBy(0, place.top - top - Math.max(0, (edge.bottom - top) / 3));
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  try { localStorage.setItem("theme", theme); } catch { /* private window */ }
}
const otherTheme = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

function save() {
  if (!state.document) return;
  const link = make("a", { href: `/v1/jobs/${state.document.id}/result?format=${$("format").value}`, download: "" });
  document.body.append(link); link.click(); link.remove();
}

// -- events

async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  const files = [];
  const visit = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      if (!file.name.startsWith(".")) { file.relative = entry.fullPath.replace(/^\//, ""); files.push(file); }
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a folder's entries come in parts
      const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!part.length) return;
      for (const child of part) await visit(child);
    }
  };
  for (const entry of entries) await visit(entry);
  return files.sort((a, b) => a.relative.localeCompare(b.relative, undefined, { numeric: true }));
}

const KEYS = {
  n: () => goDoubtful(1), p: () => goDoubtful(-1), ArrowDown: () => select(state.line + 1), ArrowUp: () => select(state.line - 1),
  e: () => select(state.line, true), Enter: accept, u: undo, y: redo, "[": () => movePage(-1), "]": () => movePage(1),
  "+": () => setZoom(scale() * STEP), "=": () => setZoom(scale() * STEP), "-": () => setZoom(scale() / STEP), 0: () => setZoom(0),
  R: rotate, "/": () => $("query").focus(), d: otherTheme, "?": () => $("keys").showModal(),
};

function rotate() { if (state.page) { state.rotation = (state.rotation + 90) % 360; drawSheet(); reveal(); } }

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.isComposing) return; // Chinese input methods use Enter
  const typing = event.target.matches("input, textarea, select");
  const command = event.ctrlKey || event.metaKey;
  let act = null;
  if (command && !typing) act = { z: event.shiftKey ? redo : undo, Z: redo, y: redo }[event.key];
  else if (event.target === $("text")) act = event.key === "Enter" && !event.shiftKey ? accept : event.key === "Escape" ? () => { drawLine(); $("text").blur(); } : null;
  else if (event.target === $("query") && event.key === "Escape") act = () => { $("query").value = ""; search(); $("query").blur(); };
  else if (!typing && !command && !event.altKey && !(event.key === "Enter" && event.target.matches("button, a"))) act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  Promise.resolve(act()).catch(report);
});

const clicks = {
  open: () => $("files").click(), "open-folder": () => $("folder").click(), save, theme: otherTheme, help: () => $("keys").showModal(),
  "previous-page": () => movePage(-1), "next-page": () => movePage(1), "zoom-in": KEYS["+"], "zoom-out": KEYS["-"], fit: KEYS[0],
  rotate, accept, "previous-doubt": KEYS.p, "next-doubt": KEYS.n, undo, redo, more: listMore,
};
for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", () => Promise.resolve(act()).catch(report));
for (const id of ["files", "folder"]) $(id).addEventListener("change", (event) => { addFiles([...event.target.files]).catch(report); event.target.value = ""; });
$("search").addEventListener("submit", (event) => { event.preventDefault(); search().catch(report); });
$("scroll").addEventListener("wheel", (event) => { if (event.ctrlKey) { event.preventDefault(); setZoom(scale() * (event.deltaY < 0 ? STEP : 1 / STEP)); } }, { passive: false });
window.addEventListener("resize", drawSheet);
for (const name of ["dragover", "dragenter", "dragleave", "drop"]) document.addEventListener(name, (event) => {
  if (state.about.mode !== "read") return;
  event.preventDefault();
  document.body.classList.toggle("over", name === "dragover" || name === "dragenter");
  if (name === "drop") droppedFiles(event.dataTransfer).then(addFiles).catch(report);
});

async function start() {
  let theme = null;
  try { theme = localStorage.getItem("theme"); } catch { /* private window */ }
  document.documentElement.dataset.theme = theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token) { history.replaceState(null, "", location.pathname); await startSession(token).catch(report); }
  state.about = await json("/v1/about");
  $("format").replaceChildren(...state.about.formats.map((name) => make("option", { value: name, textContent: name })));
  $("format").value = state.about.formats.includes("pdf") ? "pdf" : state.about.formats[0];
  if (state.about.mode === "review") {
    $("open-group").hidden = true; $("empty").hidden = true;
    await listMore();
    const first = order()[0];
    if (first) await show(first.doc, first.page.number); else tell("no page of this folder was read");
  } else await restore();
}
start().catch(report);
