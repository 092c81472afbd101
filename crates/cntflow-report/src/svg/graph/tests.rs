use super::texts::thousands;
use super::*;

fn layer(name: &str, nodes: &[usize], n_links: u64) -> GraphLayer {
    GraphLayer {
        name: name.to_owned(),
        n_nodes: 784,
        unit: "neurons",
        nodes: nodes.iter().map(|&node| (node, 1.0)).collect(),
        n_links,
    }
}

/// A chain of layers, each joined to the next by one link between nodes of these indices.
fn chain(nodes: &[usize], weight: f64) -> Graph {
    let layers = nodes.iter().enumerate();
    let links = nodes.windows(2).enumerate();
    Graph {
        title: "net".to_owned(),
        subtitle: "step 1".to_owned(),
        layers: layers
            .map(|(index, node)| (index, layer("fc", &[*node], 7840 * u64::from(index > 0))))
            .collect(),
        links: links
            .map(|(index, pair)| GraphLink {
                from: (index, pair[0]),
                to: (index + 1, pair[1]),
                weight,
            })
            .collect(),
    }
}

const ROOM: GraphRoom = GraphRoom {
    in_row: 2,
    node: 9.0,
    most_nodes: 3,
};

fn drawn(of: &[Graph]) -> String {
    let drawing = graphs(Canvas::Page, "id", ("title", "description"), of, ROOM);
    drawing.html().into_string()
}

#[test]
fn the_same_neuron_stands_at_the_same_height_in_both_networks() {
    let both = [chain(&[3, 5], 1.0), chain(&[5, 5], 1.0)];
    let layout = Layout::new(Canvas::Page, &both, ROOM);
    let (left, right) = (layout.place(0), layout.place(1));
    assert_eq!(left.point((1, 5)).1, right.point((1, 5)).1);
    // Node 3 is of one network alone, and keeps its place in the other.
    assert!(left.point((0, 3)).1 < right.point((0, 5)).1);
    assert!(left.x(1) < right.x(0));
}

#[test]
fn negative_links_are_dashed_and_what_is_left_out_is_said() {
    let positive = drawn(&[chain(&[0, 1], 0.5)]);
    assert!(!positive.contains("dasharray:5"), "{positive}");
    assert!(
        positive.contains("1 of 7,840 links, 2 of 1,568 nodes"),
        "{positive}"
    );
    assert!(
        positive.contains("neuron 0 of fc to neuron 1 of fc: weight 0.5"),
        "{positive}"
    );
    let negative = drawn(&[chain(&[0, 1], -0.5)]);
    assert!(negative.contains("dasharray:5"), "{negative}");
}

#[test]
fn widths_compare_between_networks() {
    let both = drawn(&[chain(&[0, 1], 1.0), chain(&[0, 1], -0.5)]);
    assert!(
        both.contains("stroke-width:4;") || both.contains("stroke-width:4\""),
        "{both}"
    );
    assert!(both.contains("stroke-width:2;stroke-dasharray"), "{both}");
}

#[test]
fn of_many_layers_the_first_are_drawn_below_each_other() {
    let deep: Vec<usize> = (0..50).collect();
    let both = [chain(&deep, 1.0), chain(&deep, 1.0)];
    let page = drawn(&both);
    assert!(
        page.contains("the first 12 of 50 layers; 11 of 384,160 links"),
        "{page}"
    );
    let layout = Layout::new(Canvas::Page, &both, ROOM);
    assert!(layout.place(1).top() > layout.place(0).top());
}

#[test]
fn of_many_neurons_those_with_the_strongest_links_are_drawn() {
    let mut graph = chain(&[0, 0], 9.0);
    let inputs = graph.layers.get_mut(&0).unwrap();
    for node in 1..9 {
        // The weakest links come from the largest neurons.
        inputs.nodes.insert(node, node as f64);
        graph.links.push(GraphLink {
            from: (0, node),
            to: (1, 0),
            weight: -9.0 + node as f64,
        });
    }
    let layout = Layout::new(Canvas::Page, std::slice::from_ref(&graph), ROOM);
    let has = [0, 1, 2, 3, 8].map(|node| layout.place(0).has((0, node)));
    assert_eq!(has, [true, true, true, false, false]);
    let page = drawn(&[graph]);
    assert!(page.contains("3 of 7,840 links"), "{page}");
}

#[test]
fn widths_are_shares_of_the_widest_line_that_is_drawn() {
    let deep: Vec<usize> = (0..50).collect();
    let mut graph = chain(&deep, 1.0);
    graph.links.last_mut().unwrap().weight = 100.0;
    let page = drawn(&[graph]);
    assert!(page.contains("widest line: absolute weight 1<"), "{page}");
}

#[test]
fn weights_without_a_size_and_networks_without_links_are_drawn() {
    let page = drawn(&[chain(&[0, 1], 0.0), Graph::default()]);
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
}

#[test]
fn a_link_from_a_neuron_to_itself_is_a_loop() {
    let mut graph = chain(&[0, 1], 1.0);
    graph.links[0].from = graph.links[0].to;
    let page = drawn(&[graph]);
    assert!(page.contains('C'), "{page}");
}

#[test]
fn counts_have_commas() {
    let texts = [0, 999, 1000, 1_234_567].map(thousands);
    assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
}
