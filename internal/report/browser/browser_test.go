// Package browser looks at a page as its readers do: in a real Chromium without a
// window, driven by the DevTools protocol. It is for tests of the report's page.
package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// pageTimeout bounds all that is done with one page.
const pageTimeout = 2 * time.Minute

// Browser is a running Chromium.
type Browser struct{ ctx context.Context }

// Start runs the Chromium at path until stop is called.
func Start(ctx context.Context, path string) (b *Browser, stop func(), err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WSURLReadTimeout(pageTimeout))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses its sandbox to root.
	}
	allocator, cancelAllocator := chromedp.NewExecAllocator(ctx, options...)
	browser, cancel := chromedp.NewContext(allocator)
	stop = func() { cancel(); cancelAllocator() }
	if err := chromedp.Do(browser); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start %s: %w", path, err)
	}
	return &Browser{browser}, stop, nil
}

// View is how a page is looked at.
type View struct {
	Name          string
	Width, Height int64
	Dark          bool
	// Print shows the page as it is printed.
	Print bool
	// NoScript opens it in a browser without JavaScript.
	NoScript bool
}

// Page is an open page.
type Page struct {
	ctx context.Context
	// Close closes the page.
	Close func()

	mu       sync.Mutex
	problems []string
	requests []string
}

// Open opens a file in a view.
func (b *Browser) Open(file string, v View) (*Page, error) {
	path, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	timed, cancel := context.WithTimeout(b.ctx, pageTimeout)
	tab, cancelTab := chromedp.NewContext(timed)
	p := &Page{ctx: tab, Close: func() { cancelTab(); cancel() }}
	if err := p.open(path, v); err != nil {
		p.Close()
		return nil, fmt.Errorf("open %s as %s: %w", file, v.Name, err)
	}
	return p, nil
}

func (p *Page) open(path string, v View) error {
	scheme, media := "light", ""
	if v.Dark {
		scheme = "dark"
	}
	if v.Print {
		media = "print"
	}
	if err := chromedp.Listen(p.ctx, p.listen); err != nil {
		return err
	}
	return chromedp.Do(p.ctx, send(log.Enable, cdp.Empty{}), send(network.Enable, network.EnableParams{}),
		send(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: v.Width, Height: v.Height, DeviceScaleFactor: 1, Mobile: v.Width < 600,
		}),
		send(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		}),
		send(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.NoScript}),
		chromedp.Navigate("file://"+path))
}

// send is a command of the protocol as a step.
func send[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// listen keeps what the browser complains of and what it asks for.
func (p *Page) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.problems = append(p.problems, "exception: "+describe(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		var words []string
		for _, a := range e.Args {
			words = append(words, string(a.Value))
		}
		p.problems = append(p.problems, fmt.Sprintf("console.%s: %s", e.Type, strings.Join(words, " ")))
	case *log.EventEntryAdded:
		p.problems = append(p.problems, fmt.Sprintf("%s: %s", e.Entry.Level, e.Entry.Text))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, e.Request.URL)
	}
}

// Problems are the errors, warnings and messages of the browser's console.
func (p *Page) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.problems...)
}

// Requests are the addresses that were asked for; the page's own is the first.
func (p *Page) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.requests...)
}

func describe(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Text + " " + e.Exception.Description
	}
	return e.Text
}

// Do does what a reader does: clicks, types.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) error { return chromedp.Do(p.ctx, steps...) }

// Evaluate returns the value of an expression in the page.
func Evaluate[T any](p *Page, expression string) (T, error) {
	return chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Screenshot writes the whole page as a PNG.
func (p *Page) Screenshot(file string) error {
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return fmt.Errorf("take a picture: %w", err)
	}
	return os.WriteFile(file, png, 0o644)
}
