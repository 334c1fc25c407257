//! Prometheus' text format, for what is rendered at the scrape instead of being counted.

use std::fmt::Write as _;

use super::catalog::Metric;

/// A page under construction.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Begins on what the registry has rendered.
    pub(super) fn after(text: String) -> Self {
        Self(text)
    }

    /// One metric with all its samples; nothing at all without samples.
    pub(super) fn metric(&mut self, metric: &Metric, samples: &[Sample<'_>]) {
        if samples.is_empty() {
            return;
        }
        let (name, kind) = (metric.name, metric.kind.as_str());
        self.push(format_args!(
            "# HELP {name} {}\n# TYPE {name} {kind}\n",
            metric.help
        ));
        for sample in samples {
            self.0.push_str(name);
            self.labels(metric.labels, &sample.labels);
            self.push(format_args!(" {}\n", sample.value));
        }
    }

    fn labels(&mut self, names: &[&str], values: &[&str]) {
        debug_assert_eq!(names.len(), values.len(), "labels of a metric");
        for (n, (name, value)) in names.iter().zip(values).enumerate() {
            self.0.push(if n == 0 { '{' } else { ',' });
            self.push(format_args!("{name}=\""));
            for c in value.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        if !names.is_empty() {
            self.0.push('}');
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.0
            .write_fmt(text)
            .expect("writing to a String cannot fail");
    }

    /// The page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// One value.
pub(super) struct Sample<'a> {
    /// Label values, in the catalog's order.
    pub(super) labels: Vec<&'a str>,
    /// The value.
    pub(super) value: f64,
}

impl<'a> Sample<'a> {
    pub(super) fn new(labels: impl Into<Vec<&'a str>>, value: f64) -> Self {
        Self {
            labels: labels.into(),
            value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog::DEVICE_COMPLIANT;
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = Page::default();
        page.metric(&DEVICE_COMPLIANT, &[Sample::new(["a\\b\"c\nd"], 1.0)]);
        let text = page.finish();
        assert!(
            text.ends_with("netkeel_device_compliant{device=\"a\\\\b\\\"c\\nd\"} 1\n"),
            "{text}"
        );
    }

    #[test]
    fn a_metric_without_samples_is_absent() {
        let mut page = Page::default();
        page.metric(&DEVICE_COMPLIANT, &[]);
        assert_eq!(page.finish(), "");
    }
}
