// Canvas of PathExplorer: paths over a picture of the surface. Click, drag or arrow keys move the start point.
export default {
  render({ model, el }) {
    const width = model.get("width_px"), scale = 2, canvas = document.createElement("canvas");
    Object.assign(canvas, { width: scale * width, height: Math.round(scale * width * 4.2 / 4.6), tabIndex: 0 });
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", "loss surface: click, or arrow keys, move the start of the optimisers");
    canvas.style.cssText = `width:${width}px; margin:2px; background:0 / 100% 100%; touch-action:none; cursor:crosshair`;
    el.append(canvas);
    const context = canvas.getContext("2d"), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let url = null, started = 0, frame = 0, timer = null, at = null;

    // from the units of the surface to pixels of the canvas, and back
    const place = () => {
      const [left, top, w, h] = model.get("frame"), [x0, x1, y0, y1] = model.get("window");
      const [cw, ch] = [canvas.width, canvas.height];
      return {
        box: [left * cw, top * ch, w * cw, h * ch],
        there: ([x, y]) => [(left + w * (x - x0) / (x1 - x0)) * cw, (top + h * (y1 - y) / (y1 - y0)) * ch],
        back: (u, v) => [x0 + (u - left) / w * (x1 - x0), y1 - (v - top) / h * (y1 - y0)].map((c, k) =>
          Math.min([x1, y1][k], Math.max([x0, y0][k], c))),
      };
    };
    const draw = (share) => {
      const { box, there } = place();
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.save();
      context.beginPath(); context.rect(...box); context.clip();
      context.lineWidth = 2 * scale; context.lineJoin = "round";
      for (const [colour, points] of model.get("paths")) {
        const shown = points.slice(0, 1 + Math.ceil(share * (points.length - 1))).map(there);
        context.strokeStyle = context.fillStyle = colour;
        context.beginPath(); shown.forEach((p) => context.lineTo(...p)); context.stroke();
        if (shown.length) { context.beginPath(); context.arc(...shown.at(-1), 5 * scale, 0, 7); context.fill(); }
      }
      context.restore();
      context.beginPath(); context.arc(...there(at ?? model.get("start")), 6 * scale, 0, 7);
      context.fillStyle = "white"; context.fill();
      context.strokeStyle = document.activeElement === canvas ? "#D55E00" : "black"; context.stroke();
    };
    const animate = (now) => {
      const share = still ? 1 : Math.min(1, (now - started) / 1500);
      draw(share);
      frame = share < 1 ? requestAnimationFrame(animate) : 0;
    };
    const run = () => {
      if (timer === null) at = null;  // else the start has moved on since these paths were asked for
      started = performance.now(); cancelAnimationFrame(frame); animate(started);
    };
    const send = () => {
      timer = null;
      if (!at) return;
      if (model.get("start").every((c, k) => c === at[k])) return run();  // nothing new for Python to answer
      model.set("start", at); model.save_changes();
    };
    const move = (to) => { at = to; cancelAnimationFrame(frame); draw(0); timer ??= setTimeout(send, 80); };
    const point = (event) => {
      const box = canvas.getBoundingClientRect();
      move(place().back((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
    };
    const press = (event) => {
      const step = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
      if (!step) return;
      event.preventDefault(); event.stopPropagation();
      const [x0, x1, y0, y1] = model.get("window"), [x, y] = at ?? model.get("start");
      const [to_x, to_y] = [x + step[0] * (x1 - x0) / 40, y + step[1] * (y1 - y0) / 40];
      move([Math.min(x1, Math.max(x0, to_x)), Math.min(y1, Math.max(y0, to_y))]);
    };
    const paint = () => {
      if (url) URL.revokeObjectURL(url);
      url = URL.createObjectURL(new Blob([model.get("picture")], { type: "image/png" }));
      canvas.style.backgroundImage = `url(${url})`;
    };
    const on = (name, action) => canvas.addEventListener(name, action);
    on("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); point(event); });
    on("pointermove", (event) => { if (event.buttons) point(event); });
    on("keydown", press); on("focus", () => draw(1)); on("blur", () => draw(1));
    model.on("change:picture", paint);
    model.on("change:paths", run);
    paint(); run();
    return () => { cancelAnimationFrame(frame); URL.revokeObjectURL(url); };
  },
};
