// Command web is what the cluster's own tests deploy: it says its version and
// pod, and what it gets from another. On SIGTERM it finishes what it is serving.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	host, _ := os.Hostname()
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "version=%s pod=%s\n", os.Getenv("VERSION"), host)
	})
	http.HandleFunc("/fetch", answerWithFetched)

	server := &http.Server{Addr: ":8080"}
	stopped := make(chan struct{})
	go func() {
		stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer cancel()
		<-stop.Done()
		_ = server.Shutdown(context.Background())
		close(stopped)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-stopped
}

// GET /fetch?url= answers {"text":…} or {"error":…}.
func answerWithFetched(w http.ResponseWriter, r *http.Request) {
	answer := map[string]string{}
	// A connection of its own: one that was let in stays open when a policy changes.
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(r.URL.Query().Get("url"))
	if err != nil {
		answer["error"] = err.Error()
	} else {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answer["text"] = string(text)
	}
	_ = json.NewEncoder(w).Encode(answer)
}
