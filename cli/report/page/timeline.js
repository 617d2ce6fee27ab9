// Events over time: bars by provider with axes that stay true under zoom.

const OTHERS = 9; // the colour of the providers without one of their own
const LEFT = 58, BOTTOM = 22, TOP = 12, HEIGHT = 230;
const NICE = [1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
    2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000,
    31536000, 315360000];

// The smallest nice distance with at most `most` ticks over `span`.
function niceStep(span, most) {
    return NICE.find(step => span / step <= most) || span;
}

function niceCount(highest) {
    const unit = 10 ** Math.floor(Math.log10(Math.max(1, highest / 4)));
    return Math.max(1, [1, 2, 5, 10].map(n => n * unit).find(n => highest / n <= 4) || 10 * unit);
}

// As much of a time as ticks so far apart need.
function tickText(seconds, step) {
    const text = timeText(seconds + 5e-8);
    if (step >= 86400)
        return text.slice(0, 10);
    if (step >= 60)
        return text.slice(11, 16);
    return step >= 1 ? text.slice(11, 19) : text.slice(11, step >= 1e-3 ? 23 : 26);
}

class Timeline {
    constructor(of) {
        Object.assign(this, of);
        this.begin = secondsOf(of.from);
        this.hidden = new Set();
        this.view = {from: 0, to: of.steps};
        this.cursor = null;
        this.svg = draw('svg', {role: 'img', 'aria-label': 'events over time, by provider', height: HEIGHT});
        this.tip = make('div', {className: 'tip', hidden: true});
        this.readout = make('p', {className: 'readout', role: 'status'});
        this.box = make('div', {id: 'chart', tabIndex: 0, role: 'group',
            'aria-label': 'Timeline. Arrow keys move along the bars, plus and minus zoom, 0 shows all.'},
            this.svg, this.tip);
        this.listen();
    }

    colour(series) {
        return 'c' + (this.series[series].provider ? series : OTHERS);
    }

    name(series) {
        return this.series[series].provider || `${this.other_providers} other providers`;
    }

    secondsAt(step) {
        return this.begin + step * this.step_seconds;
    }

    // Bars that are wide enough to be seen: the counts of `each` steps from `at` on.
    bars() {
        const {from, to} = this.view, most = Math.max(20, Math.floor(this.plot() / 4));
        const each = Math.max(1, Math.ceil((to - from) / most));
        const bars = [];
        for (let at = Math.floor(from / each) * each; at < to; at += each) {
            const counts = this.series.map((one, i) =>
                this.hidden.has(i) ? 0 : one.counts.slice(at, at + each).reduce((sum, n) => sum + n, 0));
            bars.push({at, each, counts, sum: counts.reduce((sum, n) => sum + n, 0),
                lost: this.lost.some(step => step >= at && step < at + each)});
        }
        return bars;
    }

    plot() {
        return Math.max(100, this.width - LEFT - 4);
    }

    x(step) {
        return LEFT + (step - this.view.from) / (this.view.to - this.view.from) * this.plot();
    }

    render() {
        this.width = this.box.clientWidth || 900;
        this.shownBars = this.bars();
        this.highest = Math.max(1, ...this.shownBars.map(bar => bar.sum));
        this.svg.replaceChildren(this.clip(), ...this.countAxis(), ...this.timeAxis(),
            draw('g', {'clip-path': 'url(#plot)'}, this.shownBars.map(bar => this.drawBar(bar)), this.drawCursor()));
    }

    clip() {
        return draw('defs', {}, draw('clipPath', {id: 'plot'},
            draw('rect', {x: LEFT, y: 0, width: this.plot(), height: HEIGHT - BOTTOM + 1})));
    }

    y(number) {
        return HEIGHT - BOTTOM - number / this.highest * (HEIGHT - BOTTOM - TOP);
    }

    drawBar(bar) {
        const x = this.x(bar.at), width = Math.max(0.7, this.x(bar.at + bar.each) - x - 0.4), parts = [];
        let below = 0;
        bar.counts.forEach((number, i) => {
            if (!number)
                return;
            parts.push(draw('rect', {class: 'bar ' + this.colour(i), x: x.toFixed(1), width: width.toFixed(1),
                y: this.y(below + number).toFixed(1), height: (this.y(below) - this.y(below + number)).toFixed(2)}));
            below += number;
        });
        if (bar.lost)
            parts.push(draw('rect', {class: 'lost', x: x.toFixed(1), y: 0, width: Math.max(3, width).toFixed(1),
                height: 7}));
        return parts;
    }

    drawCursor() {
        const bar = this.shownBars[this.cursor];
        return bar ? draw('rect', {class: 'cursor', x: this.x(bar.at).toFixed(1), y: 0,
            width: Math.max(2, this.x(bar.at + bar.each) - this.x(bar.at)).toFixed(1), height: HEIGHT - BOTTOM}) : null;
    }

    countAxis() {
        const step = niceCount(this.highest), lines = [];
        for (let n = 0; n <= this.highest; n += step)
            lines.push(draw('line', {class: 'rule', x1: LEFT, x2: this.width, y1: this.y(n), y2: this.y(n)}),
                draw('text', {class: 'tick', x: LEFT - 6, y: this.y(n) + 4, 'text-anchor': 'end'}, grouped(n)));
        return lines;
    }

    timeAxis() {
        const from = this.secondsAt(this.view.from), to = this.secondsAt(this.view.to);
        const step = niceStep(to - from, Math.max(2, Math.floor(this.plot() / 110))), ticks = [];
        for (let at = Math.ceil(from / step) * step; at <= to && ticks.length < 60; at += step) {
            const x = this.x((at - this.begin) / this.step_seconds);
            ticks.push(draw('line', {class: 'rule', x1: x, x2: x, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 5}),
                draw('text', {class: 'tick', x, y: HEIGHT - 4, 'text-anchor': x > this.width - 40 ? 'end'
                    : x < LEFT + 30 ? 'start' : 'middle'}, tickText(at, step)));
        }
        return ticks;
    }

    // ------------------------------------------------------------------------------------------ what is seen

    setView(from, to) {
        const least = Math.min(this.steps, 8), width = Math.max(least, Math.min(this.steps, to - from));
        const at = Math.max(0, Math.min(this.steps - width, from));
        this.view = {from: at, to: at + width};
        this.cursor = null;
        this.tip.hidden = true;
        this.render();
        this.onView(this.spanText());
    }

    spanText() {
        return {from: timeText(this.secondsAt(this.view.from)), to: timeText(this.secondsAt(this.view.to)),
            all: this.view.to - this.view.from >= this.steps};
    }

    zoom(factor, at) {
        const {from, to} = this.view, middle = at === undefined ? (from + to) / 2 : at;
        this.setView(middle - (middle - from) * factor, middle + (to - middle) * factor);
    }

    move(part) {
        const by = (this.view.to - this.view.from) * part;
        this.setView(this.view.from + by, this.view.to + by);
    }

    describe(bar) {
        const from = timeText(this.secondsAt(bar.at)), parts = bar.counts
            .map((number, i) => ({number, name: this.name(i), colour: this.colour(i)}))
            .filter(part => part.number).sort((a, b) => b.number - a.number);
        return {from, title: `${from.slice(0, 10)} ${from.slice(11, -1)} UTC, ` +
            `${(bar.each * this.step_seconds).toPrecision(3)} s`, parts, sum: bar.sum};
    }

    showTip(index, readAloud) {
        const bar = this.shownBars[index];
        this.cursor = bar ? index : null;
        this.tip.hidden = !bar;
        this.render();
        if (!bar)
            return;
        const about = this.describe(bar), x = this.x(bar.at);
        this.tip.replaceChildren();
        append(this.tip, [make('b', null, about.title), make('div', null, count(about.sum, 'event')),
            about.parts.slice(0, 6).map(part =>
                make('div', null, make('i', {className: part.colour}), `${part.name} ${grouped(part.number)}`)),
            bar.lost && make('div', {className: 'more'}, 'something was lost before this')]);
        this.tip.style.left = Math.max(0, Math.min(this.width - this.tip.offsetWidth, x + 12)) + 'px';
        if (readAloud)
            this.readout.replaceChildren(`${about.title}: ${count(about.sum, 'event')}` +
                about.parts.slice(0, 3).map(part => `, ${part.name} ${grouped(part.number)}`).join(''));
    }

    // ------------------------------------------------------------------------------------------ pointer and keys

    stepAt(event) {
        const x = event.clientX - this.svg.getBoundingClientRect().left;
        return this.view.from + (x - LEFT) / this.plot() * (this.view.to - this.view.from);
    }

    barAt(event) {
        const step = this.stepAt(event);
        return this.shownBars.findIndex(bar => step >= bar.at && step < bar.at + bar.each);
    }

    listen() {
        let pressed = null;
        this.svg.addEventListener('pointerdown', event => {
            pressed = this.stepAt(event);
        });
        this.svg.addEventListener('pointermove', event => this.showTip(this.barAt(event)));
        this.svg.addEventListener('pointerup', event => {
            const end = this.stepAt(event), from = Math.min(pressed, end), to = Math.max(pressed, end);
            if (pressed !== null && to - from > (this.view.to - this.view.from) / 50)
                this.setView(from, to);
            pressed = null;
        });
        this.svg.addEventListener('pointerleave', () => this.showTip(-1));
        this.svg.addEventListener('dblclick', () => this.setView(0, this.steps));
        this.svg.addEventListener('wheel', event => {
            if (!event.ctrlKey)
                return;
            event.preventDefault();
            this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.stepAt(event));
        }, {passive: false});
        this.box.addEventListener('keydown', event => this.key(event));
    }

    key(event) {
        const last = this.shownBars.length - 1, at = this.cursor === null ? -1 : this.cursor;
        const keys = {
            ArrowRight: () => this.showTip(Math.min(last, at + 1), true),
            ArrowLeft: () => this.showTip(Math.max(0, at - 1), true),
            PageDown: () => this.move(0.5), PageUp: () => this.move(-0.5),
            '+': () => this.zoom(0.5), '-': () => this.zoom(2), 0: () => this.setView(0, this.steps),
            Escape: () => this.showTip(-1),
        };
        if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey)
            return;
        event.preventDefault();
        keys[event.key]();
    }

    legend() {
        return make('ul', {className: 'legend'}, this.series.map((one, i) => {
            const toggle = button([make('i', {className: this.colour(i)}), `${this.name(i)} ${grouped(one.events)}`],
                'show or hide', () => {
                    if (!this.hidden.delete(i))
                        this.hidden.add(i);
                    toggle.setAttribute('aria-pressed', String(!this.hidden.has(i)));
                    this.render();
                });
            toggle.setAttribute('aria-pressed', 'true');
            return make('li', null, toggle);
        }));
    }
}

function showTimeline() {
    if (!data.timeline.steps) {
        show('time', make('p', null, 'The traces hold no event that has a time of its own.'));
        return;
    }
    const chart = new Timeline(data.timeline), span = make('span', {className: 'hits', role: 'status'});
    const only = make('input', {type: 'checkbox', id: 'only'});
    chart.onView = ({from, to, all}) => {
        span.replaceChildren(all ? '' : `${from.slice(0, 10)} ${from.slice(11, -1)} to ${to.slice(11, -1)} UTC`);
        setSpan(only.checked && !all ? from : null, to);
    };
    only.addEventListener('change', () => chart.onView(chart.spanText()));
    show('time',
        make('p', null, 'Events over time, by provider. Drag over a part to see it larger, double click for all; ' +
            'a mark at the top says that events or buffers were lost just before.'),
        make('div', {className: 'tools'},
            button('+', 'zoom in', () => chart.zoom(0.5)), button('−', 'zoom out', () => chart.zoom(2)),
            button('◀', 'earlier', () => chart.move(-0.5)), button('▶', 'later', () => chart.move(0.5)),
            button('All', 'the whole time', () => chart.setView(0, chart.steps)),
            make('label', {htmlFor: 'only'}, only, ' tables show this span only'), span),
        chart.box, chart.readout, chart.legend());
    chart.render();
    new ResizeObserver(() => chart.box.clientWidth !== chart.width && chart.render()).observe(chart.box);
    return chart;
}
