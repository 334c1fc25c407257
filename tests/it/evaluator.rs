//! The evaluator with its real child process: bombs end a child, never the run.

use netkeel::evaluator::Evaluator;
use netkeel::intent::{RenderDevice, RenderLimits, RenderRequest, Rendered};
use netkeel::model::{Data, FileSet, IntentSource};

/// Little fuel and text, so that a test does not take long; much time, so that a busy
/// machine does not end what another limit should.
fn limits() -> RenderLimits {
    RenderLimits {
        memory: 128 << 20,
        cpu_seconds: 120,
        wall_seconds: 120,
        fuel: 1_000_000,
        max_output: 1 << 20,
    }
}

fn text(s: &str) -> Data {
    Data::Text(s.to_owned())
}

fn device(name: &str, template: &str) -> RenderDevice {
    RenderDevice {
        name: name.to_owned(),
        source: IntentSource::Template(template.to_owned()),
        host: Data::Map(vec![(text("name"), text(name))]),
        data: Data::Map(Vec::new()),
        places: None,
    }
}

async fn render(files: FileSet, devices: Vec<RenderDevice>, limits: RenderLimits) -> Vec<Rendered> {
    let evaluator = Evaluator::new(env!("CARGO_BIN_EXE_netkeel").into());
    let request = RenderRequest {
        files,
        devices,
        limits,
    };
    evaluator.render(request).await.devices
}

/// Renders a bad template between two good ones: the good ones come out, the bad one says
/// what ended it.
async fn bomb(source: &str, limits: RenderLimits) -> String {
    let mut files = FileSet::new();
    files.insert("intent/templates/good.j2", "hostname {{ host.name }}\n");
    files.insert("intent/templates/bad.j2", source);
    let devices = vec![
        device("a", "intent/templates/good.j2"),
        device("b", "intent/templates/bad.j2"),
        device("c", "intent/templates/good.j2"),
    ];
    let answers = render(files, devices, limits).await;
    assert_eq!(answers[0].text.as_deref(), Some("hostname a\n"), "{source}");
    assert_eq!(answers[2].text.as_deref(), Some("hostname c\n"), "{source}");
    assert_eq!(answers[1].text, None, "{source}");
    let [diagnostic] = answers[1].diagnostics.as_slice() else {
        panic!("{source}: {:?}", answers[1].diagnostics);
    };
    assert_eq!(diagnostic.device.as_deref(), Some("b"));
    diagnostic.to_string()
}

const MEMORY: &str =
    "device `b`: rendering `intent/templates/bad.j2` was ended by the memory limit of 128 MiB";

#[tokio::test]
async fn text_that_doubles_is_ended_by_the_memory_limit() {
    let doubling = "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}";
    assert_eq!(bomb(doubling, limits()).await, MEMORY);
}

#[tokio::test]
async fn constants_folded_by_the_compiler_are_ended_too() {
    let folded = format!("{{{{ {} }}}}", vec!["('x' * 90000000)"; 40].join(" ~ "));
    assert_eq!(bomb(&folded, limits()).await, MEMORY);
}

#[tokio::test]
async fn lists_that_double_are_ended_by_the_memory_limit() {
    let doubling = "{% set ns = namespace(l=[1,2,3,4]) %}{% for i in range(60) %}{% set ns.l = (ns.l + ns.l) | list %}{% endfor %}{{ ns.l | length }}";
    assert_eq!(bomb(doubling, limits()).await, MEMORY);
}

#[tokio::test]
async fn filters_refuse_to_make_too_much() {
    for (source, says) in [
        (
            "{{ ('x'*100000) | replace('x', 'y'*100000) }}",
            "replace would make 10000",
        ),
        (
            "{{ ('x'*100000).replace('x', 'y'*100000) }}",
            "replace would make 10000",
        ),
        (
            "{{ range(10) | slice(100000000) | list }}",
            "slice would make 100000000 lists",
        ),
        (
            "{{ [1] | batch(100000000, 0) | list }}",
            "batch would make 100000000 lists",
        ),
        (
            "{{ 'a' | indent(1000000000) }}",
            "indent has a width of 1000000000",
        ),
        (
            "{{ '%1000000000s' | format('a') }}",
            "format has a width of 1000000000",
        ),
        (
            "{{ '{:>1000000000}'.format('a') }}",
            "format has a width of 1000000000",
        ),
        (
            "{{ range(50000) | join('x' * 100000) }}",
            "join would make 5000",
        ),
        (
            "{{ 'a'.ljust(1000000000) }}",
            "padding has a width of 1000000000",
        ),
        (
            "{{ 'a' | center(1000000000) }}",
            "center has a width of 1000000000",
        ),
        (
            "{{ range(1000000) | product(range(1000000)) | list }}",
            "range",
        ),
    ] {
        let message = bomb(source, limits()).await;
        assert!(message.contains(says), "{source}: {message}");
    }
}

#[tokio::test]
async fn loops_run_out_of_fuel() {
    let endless = "{% for i in range(100000) %}{% for j in range(100000) %}{% for k in range(100000) %}{% endfor %}{% endfor %}{% endfor %}";
    let message = bomb(endless, limits()).await;
    assert!(
        message.contains("takes more than 1000000 steps"),
        "{message}"
    );
    assert!(
        message.starts_with("intent/templates/bad.j2:1:"),
        "{message}"
    );
}

#[tokio::test]
async fn slow_rendering_is_ended_by_the_clock() {
    let slow = RenderLimits {
        fuel: u64::MAX / 8,
        wall_seconds: 1,
        ..limits()
    };
    let endless = "{% for i in range(100000) %}{% for j in range(100000) %}{% for k in range(100000) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(
        bomb(endless, slow).await,
        "device `b`: rendering `intent/templates/bad.j2` was ended by the time limit of 1 s"
    );
}

#[tokio::test]
async fn slow_rendering_is_ended_by_cpu_time() {
    let slow = RenderLimits {
        fuel: u64::MAX / 8,
        cpu_seconds: 1,
        wall_seconds: 60,
        ..limits()
    };
    let endless = "{% for i in range(100000) %}{% for j in range(100000) %}{% for k in range(100000) %}{% endfor %}{% endfor %}{% endfor %}";
    assert_eq!(
        bomb(endless, slow).await,
        "device `b`: rendering `intent/templates/bad.j2` was ended by the CPU time limit of 1 s"
    );
}

#[tokio::test]
async fn recursion_and_nesting_end_readably() {
    let recursion = "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}";
    let message = bomb(recursion, limits()).await;
    assert!(
        message.contains("recursion") || message.contains("nests"),
        "{message}"
    );
    let itself = "{% include 'bad.j2' %}";
    let message = bomb(itself, limits()).await;
    assert!(
        message.contains("recursion") || message.contains("nests"),
        "{message}"
    );
    let nested = format!("{{{{ {}1{} }}}}", "(".repeat(50_000), ")".repeat(50_000));
    let message = bomb(&nested, limits()).await;
    assert!(
        message.contains("recursion") || message.contains("nests"),
        "{message}"
    );
    let blocks = format!(
        "{}x{}",
        "{% if true %}".repeat(50_000),
        "{% endif %}".repeat(50_000)
    );
    let message = bomb(&blocks, limits()).await;
    assert!(
        message.contains("recursion") || message.contains("nests"),
        "{message}"
    );
}

#[tokio::test]
async fn a_text_larger_than_allowed_is_an_error_of_its_device() {
    let long = "{% for i in range(100000) %}0123456789abcdef0123456789abcdef{% endfor %}";
    let message = bomb(long, limits()).await;
    assert!(message.contains("larger than 1048576 bytes"), "{message}");
}

#[tokio::test]
async fn a_template_that_ends_every_child_is_given_up_after_a_while() {
    let mut files = FileSet::new();
    files.insert(
        "bad.j2",
        "{{ ".to_owned() + &vec!["('x' * 90000000)"; 40].join(" ~ ") + " }}",
    );
    files.insert("good.j2", "ok\n");
    let mut devices: Vec<_> = (0..40)
        .map(|i| device(&format!("r{i}"), "bad.j2"))
        .collect();
    devices.push(device("last", "good.j2"));
    let answers = render(files, devices, limits()).await;
    assert_eq!(answers.len(), 41);
    assert!(
        answers[..40]
            .iter()
            .all(|a| a.text.is_none() && a.diagnostics.len() == 1)
    );
    let given_up = answers[39].diagnostics[0].to_string();
    assert!(given_up.contains("has ended the renderer on"), "{given_up}");
    assert_eq!(answers[40].text.as_deref(), Some("ok\n"));
}

#[tokio::test]
async fn a_large_batch_keeps_its_order_and_its_origins() {
    let mut files = FileSet::new();
    files.insert(
        "intent/templates/r.j2",
        "hostname {{ host.name }}\n{% for i in range(100) %}line {{ i }}\n{% endfor %}",
    );
    let devices = (0..200)
        .map(|i| device(&format!("r{i}"), "intent/templates/r.j2"))
        .collect();
    let answers = render(files, devices, RenderLimits::default()).await;
    for (i, answer) in answers.iter().enumerate() {
        assert_eq!(answer.name, format!("r{i}"));
        let text = answer.text.as_deref().expect("rendered");
        assert!(text.starts_with(&format!("hostname r{i}\nline 0\n")));
        assert_eq!(answer.origins.len(), 101);
        assert_eq!(answer.origins[100][0].line, 2);
        assert_eq!(answer.diagnostics, []);
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_fails_every_device_readably() {
    let evaluator = Evaluator::new("/nonexistent/netkeel".into());
    let request = RenderRequest {
        files: FileSet::new(),
        devices: vec![device("a", "x"), device("b", "x")],
        limits: limits(),
    };
    for answer in evaluator.render(request).await.devices {
        let message = answer.diagnostics[0].to_string();
        assert!(
            message.contains("the renderer could not be started"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn names_outside_the_repository_are_refused() {
    let message = bomb("{% include '/etc/passwd' %}", limits()).await;
    assert!(message.contains("/etc/passwd"), "{message}");
    let message = bomb("{% include '../../../etc/passwd' %}", limits()).await;
    assert!(message.contains("etc/passwd"), "{message}");
}

/// The limits of a process, as the kernel tells them.
fn kernel_limit(pid: u32, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find(|l| l.starts_with(name))?;
    line[name.len()..]
        .split_whitespace()
        .next()
        .map(str::to_owned)
}

#[tokio::test]
async fn the_child_limits_itself_before_anything_is_sent_to_it() {
    let mut child = tokio::process::Command::new(env!("CARGO_BIN_EXE_netkeel"))
        .args([netkeel::evaluator::CHILD_ARG, "268435456", "7"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let pid = child.id().expect("runs");
    let limited = async {
        while kernel_limit(pid, "Max processes").as_deref() != Some("0") {
            tokio::task::yield_now().await;
        }
    };
    let wait = std::time::Duration::from_secs(10);
    tokio::time::timeout(wait, limited)
        .await
        .expect("limited within ten seconds");
    for (name, value) in [
        ("Max address space", "268435456"),
        ("Max cpu time", "7"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max open files", "3"),
    ] {
        assert_eq!(kernel_limit(pid, name).as_deref(), Some(value), "{name}");
    }
    // It ends by itself when the parent goes away.
    drop(child.stdin.take());
    let status = tokio::time::timeout(wait, child.wait())
        .await
        .expect("ends");
    assert!(status.expect("collected").success());
}

#[tokio::test]
async fn a_child_without_its_limits_does_not_start() {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_netkeel"))
        .arg(netkeel::evaluator::CHILD_ARG)
        .output()
        .await
        .expect("starts");
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
}
