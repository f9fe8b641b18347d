// Pointer, keys, buttons and sliders.

const canvas = part("plane");
let pressed = null; // where the pointer went down, and whether it has moved since

function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
}

canvas.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    pressed = {x: event.clientX, y: event.clientY, moved: false, second: event.shiftKey};
    follow(event);
});
canvas.addEventListener("pointermove", event => {
    if (!pressed) return;
    pressed.moved ||= Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > 4;
    if (pressed.moved) follow(event);
});
canvas.addEventListener("pointerup", event => {
    if (pressed && !pressed.moved) pick(event);
    pressed = null;
});
canvas.addEventListener("pointercancel", () => { pressed = null; });

function follow(event) {
    const z = inPlane(plane.values(...placeOf(event)));
    if (pressed.second) setSecond(z); else moveTo(z);
}

// A click on a point takes all of its latents, not only those of the plane.
function pick(event) {
    const most = event.pointerType === "mouse" ? 9 : 18; // pixels; a finger is less exact
    const index = state.codes ? plane.codeAt(...placeOf(event), most, state.shown) : null;
    if (index === null) return;
    if (pressed.second) setSecond(codes[index]); else choose(index);
}

canvas.addEventListener("keydown", event => {
    const step = (plane.high[0] - plane.low[0]) * (event.shiftKey ? 0.05 : 0.01);
    const values = plane.axes.map(axis => axis === null ? 0 : state.z[axis]);
    const actions = {
        ArrowLeft: () => moveTo(inPlane([values[0] - step, values[1]])),
        ArrowRight: () => moveTo(inPlane([values[0] + step, values[1]])),
        ArrowUp: () => moveTo(inPlane([values[0], values[1] + step])),
        ArrowDown: () => moveTo(inPlane([values[0], values[1] - step])),
        Home: () => moveTo(new Float64Array(content.latents)),
        Enter: () => choose(plane.codeAt(...plane.placeOf(state.z), Number.MAX_VALUE, state.shown)),
        s: () => setSecond(state.z),
        S: () => setSecond(state.z),
        Escape: () => setSecond(null),
    };
    if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    actions[event.key]();
});

// A number from N(0, 1): Box and Muller's way.
function standardNormal() {
    return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

part("draw").addEventListener("click", () => moveTo(state.z.map(standardNormal)));
part("set-second").addEventListener("click", () => setSecond(state.z));
part("remove-second").addEventListener("click", () => setSecond(null));
for (const name of ["codes", "tiles"])
    part(name).addEventListener("change", event => {
        state[name] = event.target.checked;
        changed();
    });
part("class").addEventListener("change", event => {
    state.label = Number(event.target.value);
    moveTo(state.z);
});
for (const [name, other] of [["across", "up"], ["up", "across"]])
    part(name).addEventListener("change", event => {
        const chosen = Number(event.target.value), before = plane.axes;
        // The latent of the other axis: the two change places.
        if (chosen === Number(part(other).value)) setAxes(before[1], before[0]);
        else if (name === "across") setAxes(chosen, before[1]);
        else setAxes(before[0], chosen);
    });

function makeSliders() {
    for (const latent of content.widest_first) {
        const label = document.createElement("label");
        const slider = Object.assign(document.createElement("input"), {
            type: "range", min: content.lowest[latent], max: content.highest[latent], step: 0.01,
        });
        const output = document.createElement("output");
        slider.addEventListener("input", () => {
            const z = Float64Array.from(state.z);
            z[latent] = Number(slider.value);
            moveTo(z);
        });
        label.append(latentName(latent), slider, output);
        part("sliders").append(label);
        sliders.push([latent, slider, output]);
    }
}

const MOST_CLASSES = 30; // that still find room

function makeLegend() {
    const classes = [...new Set(content.labels ?? [])].sort((first, second) => first - second);
    part("legend").hidden = classes.length > MOST_CLASSES || classes.length < 2;
    if (part("legend").hidden) return;
    const buttons = [null, ...classes].map(label => {
        const button = document.createElement("button");
        if (label !== null) {
            const dot = document.createElement("i");
            dot.style.background = content.colours[label % content.colours.length];
            button.append(dot);
        }
        button.append(label ?? "all");
        button.addEventListener("click", () => {
            state.shown = state.shown === label ? null : label;
            buttons.forEach(([each, its]) => its.setAttribute("aria-pressed", each === state.shown));
            changed();
        });
        button.setAttribute("aria-pressed", label === null);
        return [label, button];
    });
    part("legend").append(...buttons.map(([, button]) => button));
}

function options(select, numbers, name) {
    part(select).append(...numbers.map(number => new Option(name(number), number)));
}

function begin() {
    const {latents, classes, title} = content;
    const counted = `${latents} latent${latents > 1 ? "s" : ""}`;
    part("summary").textContent = `${title}, ${counted}: move the point in the plane` +
        `${latents > 2 ? " and the sliders" : ""}, and the decoder draws what is there.` +
        (content.has_prior && latents > 1 ?
            " The circles are one, two and three standard deviations of the prior." : "");
    options("across", content.widest_first, latentName);
    options("up", content.widest_first, latentName);
    options("class", [...Array(classes).keys()], String);
    part("axes").hidden = latents < 3;
    part("class-choice").hidden = !classes;
    part("draw").hidden = !content.has_prior;
    part("pair").hidden = part("codes-shown").hidden = !codes.length;
    document.body.classList.toggle("alone", !codes.length);
    size(part("decoded"));
    makeSliders();
    makeLegend();
    plane.resize();
    setAxes(...plane.axes);
    setSecond(null);
    choose(null);
    if (content.images) sheet.src = content.images;
    new ResizeObserver(() => { plane.resize(); request(); }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", request);
}

begin();
